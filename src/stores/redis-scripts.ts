import { hash } from "node:crypto";
import { PARTS } from "./sliding-bound.ts";

/** A script that runs in Redis, all or nothing and with nobody in between. */
export interface Script {
  readonly text: string;
  /** What EVALSHA names it by. */
  readonly sha: string;
}

function script(...parts: readonly string[]): Script {
  const text = parts.join("\n");
  return { text, sha: hash("sha1", text, "hex") };
}

/**
 * What the scripts that count have in common. Times are microseconds of the server's own clock, so that those of the
 * gateways do not matter. A key holds a packed list: of a fixed window its number (of the calendar its beginning) and units;
 * of a sliding one the number of its newest part, then the units of each part, newest first; of a bucket a time and the level
 * at that time.
 */
const BOUNDS = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local PARTS = ${PARTS}
local HOUR = 3600000000
local BIT = 0.000001

local function calendar(text, held)
  local from, to
  for word in string.gmatch(text, '%d+') do
    local edge = tonumber(word) * 1000
    if from == nil then from = edge
    elseif to == nil then to = edge
    elseif to <= now or (held and to <= held) then from, to = to, edge end
  end
  return from, to
end

local function open(key, kind, limit, window, extra)
  local raw = redis.call('GET', key)
  local s = raw and cmsgpack.unpack(raw)
  local b = { key = key, kind = kind, limit = limit, window = window, cap = limit, used = 0 }
  if kind == 'f' then
    b.id = math.floor(now / window)
    if s then
      local ahead = s[1] - b.id
      if ahead == 1 or (ahead > 0 and ahead * window <= HOUR) then b.id = s[1] end
      if s[1] == b.id then b.used = s[2] end
    end
    b.stop = (b.id + 1) * window
  elseif kind == 'c' then
    local held = s and s[1] * 1000
    if held and held - now > HOUR then held = nil end
    local from, to = calendar(extra, held)
    b.id = from / 1000
    b.stop = to
    if s and s[1] == b.id then b.used = s[2] end
  elseif kind == 's' then
    local len = window / PARTS
    local id = math.floor(now / len)
    local d = PARTS + 1
    if s then
      d = id - s[1]
      if d < 0 then
        if -d <= PARTS or -d * len <= HOUR then id, d = s[1], 0 else d = PARTS + 1 end
      end
    end
    b.id = id
    b.len = len
    for back = 0, PARTS do
      local units = 0
      if back >= d then units = s[back - d + 2] end
      b[back] = units
      b.used = b.used + units
    end
  else
    b.cap = tonumber(extra)
    b.rate = limit / window
    if s then b.used = math.max(0, s[2] - math.max(0, now - s[1]) * b.rate) end
  end
  return b
end

local function leaves(b, need)
  local gone = 0
  for back = PARTS, 0, -1 do
    gone = gone + b[back]
    if gone >= need then return (b.id - back + PARTS + 1) * b.len - now end
  end
  return (b.id + PARTS + 1) * b.len - now
end

local function fits(b, cost)
  if b.rate then return b.used + cost <= b.cap + BIT end
  return b.used + cost <= b.cap
end

local function wait(b, cost)
  if b.rate then return (b.used + cost - b.cap) / b.rate end
  if b.len then return leaves(b, b.used + cost - b.cap) end
  return b.stop - now
end

local function reset(b)
  if b.used <= 0 then return 0 end
  if b.rate then return b.used / b.rate end
  if b.len then return leaves(b, b.used) end
  return b.stop - now
end

local function remaining(b)
  return math.max(0, math.floor(b.cap - b.used + BIT))
end

local function write(b, units)
  local s, ttl
  if b.rate then
    b.used = math.max(0, b.used + units)
    s = { now, b.used }
    ttl = b.used / b.rate
  elseif b.len then
    if units >= 0 then
      b[0] = b[0] + units
      b.used = b.used + units
    else
      for back = PARTS, 0, -1 do
        local part = math.min(b[back], -units)
        b[back] = b[back] - part
        b.used = b.used - part
        units = units + part
      end
    end
    s = { b.id }
    for back = 0, PARTS do s[back + 2] = b[back] end
    ttl = (b.id + PARTS + 1) * b.len - now
  else
    b.used = math.max(0, b.used + units)
    s = { b.id, b.used }
    ttl = b.stop - now
  end
  redis.call('SET', b.key, cmsgpack.pack(s), 'PX', string.format('%.0f', math.max(0, ttl) / 1000 + 1000))
end

local function bound(i, at)
  return open(KEYS[i], ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3])
end
`;

/**
 * Takes units of all bounds, or of none. KEYS: one a bound. ARGV: the cost, "add" where it is added in any case, then for each
 * bound its kind, limit, window in microseconds, and the burst or the edges of the calendar's windows. Gives whether it fits,
 * microseconds until it may, microseconds until its turn, then for each bound the units left and the microseconds until all
 * are there again.
 */
export const TAKE: Script = script(
  BOUNDS,
  `
local cost = tonumber(ARGV[1])
local bounds, ok, later, delay = {}, 1, 0, 0
for i = 1, #KEYS do
  local b = bound(i, i * 4 - 1)
  bounds[i] = b
  if ARGV[2] ~= 'add' and not fits(b, cost) then
    ok = 0
    later = math.max(later, wait(b, cost))
  end
  if b.kind == 'l' then delay = math.max(delay, reset(b)) end
end
if ok == 1 and cost ~= 0 then
  for i = 1, #KEYS do write(bounds[i], cost) end
end
local out = { ok, math.ceil(later), math.ceil(delay) }
for i = 1, #KEYS do
  out[i * 2 + 2] = remaining(bounds[i])
  out[i * 2 + 3] = math.ceil(reset(bounds[i]))
end
return out
`,
);

/**
 * Adds what was counted elsewhere, and tells how all stands. ARGV: how many bounds a limit's key has, each as for TAKE, then
 * for each of KEYS the units and the number of the window in which they were taken ("" for any). Gives the server's time, then
 * for each of KEYS the list that it holds now; of a fixed window its end stands last, of a bucket the level is text.
 */
export const SETTLE: Script = script(
  BOUNDS,
  `
local rules = tonumber(ARGV[1])
local out = { now }
for i = 1, #KEYS do
  local b = bound(i, ((i - 1) % rules) * 4 + 2)
  local at = rules * 4 + i * 2
  local units = tonumber(ARGV[at])
  local id = tonumber(ARGV[at + 1])
  if b.kind == 'f' and id == b.id + 1 then
    b.id, b.used, b.stop = id, 0, b.stop + b.window
  end
  if units ~= 0 and not (id and id < b.id) then write(b, units) end
  if b.rate then out[i + 1] = { string.format('%.17g', b.used) }
  elseif b.len then
    local parts = { b.id }
    for back = 0, PARTS do parts[back + 2] = b[back] end
    out[i + 1] = parts
  else out[i + 1] = { b.id, b.used, b.stop } end
end
return out
`,
);

/**
 * Takes a place of at most so many. KEYS: a sorted set of places by the time until which they are held. ARGV: how many, the
 * name of the place, the lease in milliseconds. Gives 1, or 0 where there is none.
 */
export const ENTER: Script = script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3] + 1000)
return 1
`);

/** Holds places for another lease. ARGV: the lease in milliseconds, then their names. */
export const HOLD: Script = script(`
local t = redis.call('TIME')
local until_ = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], until_, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] + 1000)
return 1
`);

/** Gives places back. ARGV: their names. */
export const LEAVE: Script = script("return redis.call('ZREM', KEYS[1], unpack(ARGV))");
