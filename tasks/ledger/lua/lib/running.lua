--- @include "lib/clock"

-- What runs, by the end of its lease.
local function start_running(id, model, now, lease_seconds)
  redis.call('ZADD', running_key(model), stamp(now + tonumber(lease_seconds)), id)
  if redis.call('HGET', job_key(id), 'line') == SLOTLESS then redis.call('SADD', slotless_key(model), id) end
end

-- A running job has a slot. A `low` one gives way to more urgent jobs from now on, or after it was spared for a while.
local function has_slot(id, model, now)
  local line, spared = unpack(redis.call('HMGET', job_key(id), 'line', 'spared_seconds'))
  if line == 'low' then redis.call('ZADD', giving_way_key(model), stamp(now + tonumber(spared or '0')), id) end
end

local function stop_running(id, model)
  redis.call('ZREM', running_key(model), id)
  redis.call('ZREM', giving_way_key(model), id)
  redis.call('HDEL', job_key(id), 'spared_seconds')
end
