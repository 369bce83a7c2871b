-- Append events at <fence>-<seq>, <fence>-<seq + 1> ... and ring the job's doorbell with them. Returns how many heard,
-- and what they heard.
local function append(id, fence, seq, events)
  local log, message = log_key(id), {}
  for i, event in ipairs(events) do
    local cursor = fence .. '-' .. string.format('%.0f', seq + i - 1)
    redis.call('XADD', log, cursor, 'e', event)
    message[i] = '["' .. cursor .. '",' .. event .. ']'
  end
  if #message == 0 then return 0 end
  local told = '[' .. table.concat(message, ',') .. ']'
  return redis.call('PUBLISH', event_channel(id), told), told
end
