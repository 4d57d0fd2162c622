-- A browser's request with one of many credentials, chosen as people call: few of them often, most of them seldom (Zipf, exponent 1).
-- Arguments after "--": FILE, whose lines are "Name: value".
local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "browser.lua")

local requests = {}
local order = {}
local at = 0
local LENGTH = 65536

local function orderOf(count)
  local sums, sum = {}, 0
  for rank = 1, count do
    sum = sum + 1 / rank
    sums[rank] = sum
  end
  -- The same order in each run.
  local seed = 4711
  for i = 1, LENGTH do
    seed = (seed * 1103515245 + 12345) % 2147483648
    local wanted = seed / 2147483648 * sum
    local low, high = 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < wanted then low = middle + 1 else high = middle end
    end
    order[i] = low
  end
end

function init(args)
  for line in io.lines(args[1]) do
    local name, value = line:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
    requests[#requests + 1] = wrk.format("GET")
    wrk.headers[name] = nil
  end
  orderOf(#requests)
end

function request()
  at = at % LENGTH + 1
  return requests[order[at]]
end
