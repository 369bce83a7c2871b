--- @include "lib/clock"

-- What runs, by the end of its lease, and what each worker runs; the job's record has the worker.
local function start_running(id, model, now, lease_seconds)
  local line, worker = unpack(redis.call('HMGET', job_key(id), 'line', 'worker'))
  redis.call('ZADD', running_key(model), stamp(now + tonumber(lease_seconds)), id)
  redis.call('SADD', held_key(worker), id)
  redis.call('SADD', line == SLOTLESS and slotless_key(model) or tokenless_key(model), id)
end

-- A running job has a slot. A `low` one gives way to more urgent jobs from now on, or after it was spared for a while.
local function has_slot(id, model, now)
  local line, spared = unpack(redis.call('HMGET', job_key(id), 'line', 'spared_seconds'))
  if line == 'low' then redis.call('ZADD', giving_way_key(model), stamp(now + tonumber(spared or '0')), id) end
end

local function stop_running(id, model)
  local worker = redis.call('HGET', job_key(id), 'worker')
  if worker then redis.call('SREM', held_key(worker), id) end
  redis.call('ZREM', running_key(model), id)
  redis.call('SREM', tokenless_key(model), id)
  redis.call('ZREM', giving_way_key(model), id)
  redis.call('HDEL', job_key(id), 'spared_seconds')
end
