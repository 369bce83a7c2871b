-- Seconds since the epoch on the clock of Redis, the only clock that decides anything.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- Lua's tostring() keeps 14 digits; a time in microseconds has 16.
local function stamp(seconds) return string.format('%.6f', seconds) end
