--- @include "lib/clock"
--- @include "lib/webhook_due"

-- A copy of what a receiver is told, since the record may expire before it has been. Whether there is a receiver.
local function tell(id, fence, now)
  local told = { 'origin', 'webhook', 'model', 'operation', 'status', 'created_at', 'started_at', 'finished_at',
    'claims', 'timeout', 'metadata', 'error', 'usage', 'request_id', 'owner', 'trace' }
  local values = redis.call('HMGET', job_key(id), unpack(told))
  if not values[1] then return false end
  local fields = { 'id', id, 'message', 'msg_' .. id .. '_' .. fence, 'attempts', '0' }
  for i, value in ipairs(values) do
    if value then
      fields[#fields + 1] = told[i]
      fields[#fields + 1] = value
    end
  end
  redis.call('DEL', hook_key(id))
  redis.call('HSET', hook_key(id), unpack(fields))
  wait_to_tell(id, values[1], stamp(now))
  redis.call('ZADD', webhooks_pending_key(), stamp(now), id)
  return true
end
