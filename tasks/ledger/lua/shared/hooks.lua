-- Webhooks. `hook:{id}` is what is to be told of a job's end, `hooks:{origin}` lists by when it is due what goes to one
-- receiver, `hooks` the receivers by when to look at them, `hooks:pending` all of it by the jobs' ends, and `hooks:out` what has been published or is being sent, by
-- when it is due again if nothing more is heard of it.
local function hook_key(id) return PREFIX .. 'hook:' .. id end

local function wait_to_tell(id, origin, at)
  redis.call('ZADD', PREFIX .. 'hooks:' .. origin, at, id)
  redis.call('ZADD', PREFIX .. 'hooks', 'LT', at, origin)
end

-- What has not been told of a job will not be.
local function tell_nothing(id)
  local origin = redis.call('HGET', hook_key(id), 'origin')
  if origin then redis.call('ZREM', PREFIX .. 'hooks:' .. origin, id) end
  redis.call('ZREM', PREFIX .. 'hooks:out', id)
  redis.call('ZREM', PREFIX .. 'hooks:pending', id)
  redis.call('DEL', hook_key(id))
end

-- A copy of what a receiver is told, since the record may expire before it has been.
local function tell(id, fence, now)
  local told = { 'origin', 'webhook', 'model', 'operation', 'status', 'created_at', 'started_at', 'finished_at', 'claims',
    'timeout', 'metadata', 'error', 'usage', 'request_id' }
  local values = redis.call('HMGET', job_key(id), unpack(told))
  if not values[1] then return end
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
  redis.call('ZADD', PREFIX .. 'hooks:pending', stamp(now), id)
end
