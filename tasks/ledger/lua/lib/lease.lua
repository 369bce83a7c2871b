--- @include "lib/clock"

-- A queue with leases: what waits is in one sorted set, by when it is due, and what is published or held in another, by
-- when it goes back if nothing more is heard of it. Batches and webhooks stand in such queues.

-- Hold what is published already, or take it from what waits, for so long.
local function lease(held, id, now, seconds) redis.call('ZADD', held, stamp(now + seconds), id) end

local function is_leased(held, id) return redis.call('ZSCORE', held, id) end

local function release(held, id) redis.call('ZREM', held, id) end

-- Release what nobody was heard of in time, so many at most; the ids.
local MOST_LAPSED = 100

local function lapsed(held, now)
  local ids = redis.call('ZRANGEBYSCORE', held, '-inf', stamp(now), 'LIMIT', 0, MOST_LAPSED)
  for _, id in ipairs(ids) do release(held, id) end
  return ids
end

-- Take so many at most that are due, and lease them for so long; the ids.
local function take_due(waiting, held, now, most, seconds)
  local ids = redis.call('ZRANGEBYSCORE', waiting, '-inf', stamp(now), 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    redis.call('ZREM', waiting, id)
    lease(held, id, now, seconds)
  end
  return ids
end
