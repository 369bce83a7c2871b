--- @include "lib/clock"
--- @include "lib/even_if_full"

-- What an owner's jobs take of Redis' memory: each from its acceptance on, and anew when it ends. result_bytes_key has
-- the bytes of each, by its id, those of `all`, and the `most` that they may be. results_key lists the ended ones by
-- when they may be removed early, and thinning_key the owners who have much, by when `thin` looks at them.

-- The part of the most from which on results are removed early: so there is room before a job is refused.
local MUCH = 0.9
-- What is counted of an owner who has no more jobs is forgotten so long after the last one.
local MARGIN_SECONDS = 3600

-- Bytes of a key. A Redis that does not tell does not keep jobs from their ends: they count nothing.
local function memory_of(key, samples)
  local found = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
  return type(found) == 'number' and found or 0
end

local function thin_soon(owner, most, now)
  redis.call('HSET', result_bytes_key(owner), 'most', most)
  redis.call('ZADD', thinning_key(), 'NX', stamp(now), owner)
end

-- A job is not there any more.
local function uncount_job(id, owner)
  local key = result_bytes_key(owner)
  local bytes = redis.call('HGET', key, id)
  if not bytes then return end
  redis.call('HDEL', key, id)
  redis.call('ZREM', results_key(owner), id)
  if redis.call('HINCRBY', key, 'all', -tonumber(bytes)) <= 0 then redis.call('DEL', key, results_key(owner)) end
end

-- Bytes of a job's record and of its key for idempotency.
local function record_bytes(id, idem)
  return memory_of(job_key(id), 0) + (idem and memory_of(idem, 0) or 0)
end

-- A job has come, or is to be run again. An account that an end has touched expires; one without ends does not.
-- The sum comes first: it is looked for most often, and Redis looks through a small hash from its beginning.
local function count_queued(id, owner, idem)
  local key, bytes = result_bytes_key(owner), record_bytes(id, idem)
  redis.call('HINCRBY', key, 'all', bytes)
  if redis.call('HSETNX', key, id, bytes) == 0 then redis.call('HINCRBY', key, 'all', -bytes) end
end

-- A job takes so many bytes more.
local function count_more(id, owner, bytes)
  redis.call('HINCRBY', result_bytes_key(owner), id, bytes)
  redis.call('HINCRBY', result_bytes_key(owner), 'all', bytes)
end

-- A job has ended, and has all that it leaves. The job of a batch's row is not listed: the clerk removes it when it has
-- written the row. most: bytes of the owner, or nil for any number. is_told: whether a receiver is to be told of it.
local function count_result(id, owner, idem, ttl, most, now, is_told)
  local key, list = result_bytes_key(owner), results_key(owner)
  local bytes = record_bytes(id, idem) + memory_of(log_key(id), 5) + (is_told and memory_of(hook_key(id), 0) or 0)
  local before = redis.call('HGET', key, id) or 0
  redis.call('HSET', key, id, bytes)
  local all = redis.call('HINCRBY', key, 'all', bytes - before)
  redis.call('EXPIRE', key, ttl + MARGIN_SECONDS)
  if idem ~= idempotency_key(owner, id) then
    redis.call('ZADD', list, stamp(now + LEAST_KEPT_SECONDS), id)
    redis.call('EXPIRE', list, ttl + MARGIN_SECONDS)
  end
  if most and all > MUCH * tonumber(most) then thin_soon(owner, most, now) end
end

-- The bytes that an owner's jobs take if those are as many as a key allows, and the seconds until the first ended one
-- may be removed, '' if none may; nil if there is room. most: a number, or '' for any.
local function over_bytes(owner, most, now)
  if most == '' then return nil end
  local all = redis.call('HGET', result_bytes_key(owner), 'all')
  if tonumber(all or '0') < tonumber(most) then return nil end
  even_if_full()
  thin_soon(owner, most, now)
  local first = redis.call('ZRANGE', results_key(owner), 0, 0, 'WITHSCORES')[2]
  return all, first and stamp(math.max(0, tonumber(first) - now)) or ''
end
