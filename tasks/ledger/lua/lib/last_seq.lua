-- The number of the last event under a fence; -1 if there is none.
local function last_seq(id, fence)
  local last = redis.call('XREVRANGE', log_key(id), '+', '-', 'COUNT', 1)[1]
  return last and tonumber(string.match(last[1], '^' .. fence .. '%-(%d+)$')) or -1
end
