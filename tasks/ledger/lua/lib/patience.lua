--- @include "lib/clock"

-- How a model in trouble is tried. patience_key has `tries`, how often one job was let through, and `at`, from when on
-- the next may be.

-- Whether a job that needs a slot is run and has no token yet. Streams that go on prove nothing, and hold up nothing.
local function one_is_tried(model)
  while true do
    local id = redis.call('SRANDMEMBER', tokenless_key(model))
    if not id then return false end
    local job = redis.call('HMGET', job_key(id), 'status', 'proven', 'fence')
    if job[1] == 'running' and job[2] ~= job[3] then return true end
    redis.call('SREM', tokenless_key(model), id)  -- the release before knows nothing of the set
  end
end

-- What needs no slot is counted, so that one more than those tells whether there is another.
local function one_is_published(model)
  local slotless = redis.call('SCARD', slotless_key(model))
  for _, id in ipairs(redis.call('ZRANGE', published_key(model), 0, slotless)) do
    if redis.call('HGET', job_key(id), 'line') ~= SLOTLESS then return true end
  end
  return false
end

-- Whether another job may be tried of a model in trouble: one at a time, after 1, 2, 4 ... seconds, a minute at most.
local function may_try(model, now)
  local key = patience_key(model)
  if one_is_published(model) or one_is_tried(model) then return false end
  if tonumber(redis.call('HGET', key, 'at') or '0') > now then return false end
  local tries = redis.call('HINCRBY', key, 'tries', 1)
  redis.call('HSET', key, 'at', stamp(now + math.min(60, 2 ^ (tries - 1))))
  redis.call('EXPIRE', key, 86400)
  return true
end

-- The job that was let through last gives another its try.
local function try_another(model, now)
  local key = patience_key(model)
  local tries = tonumber(redis.call('HGET', key, 'tries') or '0')
  redis.call('HSET', key, 'tries', math.max(0, tries - 1), 'at', stamp(now))
  redis.call('EXPIRE', key, 86400)
end
