-- A browser's request to each of many routes in turn, as bench/lib/many-routes.ts numbers them. Arguments after "--": FIRST COUNT.
local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "browser.lua")

local requests = {}
local last = 0

local function target(index)
  local kind = index % 4
  local host = "h" .. (index % 100) .. ".example"
  if kind == 0 then return host, "/exact/" .. index end
  if kind == 1 then return host, "/items" .. index .. "/4711/edit" end
  if kind == 2 then return host, "/prefix" .. index .. "/a/b" end
  return "shop.w" .. (index % 100) .. ".example", "/wild" .. index .. "/a/b"
end

function init(args)
  local first, count = tonumber(args[1]), tonumber(args[2])
  for index = first, first + count - 1 do
    local host, path = target(index)
    wrk.headers["Host"] = host
    -- A stride that shares no factor with the count, so that neighbours are not asked one after the other.
    requests[#requests + 1] = wrk.format("GET", path)
  end
end

function request()
  last = (last + 7919) % #requests
  return requests[last + 1]
end
