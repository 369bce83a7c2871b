--- @include "lib/answers"
--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/erase"
--- @include "lib/even_if_full"
--- @include "lib/results"

-- Remove the oldest ended jobs of owners whose jobs take much of what they may, those that nobody waits for.
--
-- Input:
--   ARGV[1]  limit  jobs of all owners
-- Output:
--   how many jobs were looked at
-- Events: none
local limit = tonumber(ARGV[1])
even_if_full()
-- A job that somebody waits for is looked at again after so long.
local AGAIN_SECONDS = 60
local now, left = clock(), limit

-- Whether a client follows the job, waits for its end, or is still to be told of it.
local function is_awaited(id)
  local heard = redis.call('PUBSUB', 'NUMSUB', event_channel(id), end_channel(id))
  return heard[2] + heard[4] > 0 or redis.call('EXISTS', hook_key(id)) == 1
end

local function look_at(id, owner)
  local status, model, idem, answer = unpack(redis.call('HMGET', job_key(id), 'status', 'model', 'idem', 'answer'))
  if not ENDED[status or ''] then  -- removed or run again by a release that does not count
    uncount_job(id, owner)
  elseif is_awaited(id) then
    redis.call('ZADD', results_key(owner), stamp(now + AGAIN_SECONDS), id)
  else
    if idem and redis.call('HGET', idem, 'job') == id then redis.call('DEL', idem) end
    drop_answer(id, owner, answer)
    erase(id, model, owner)
    count(model, 'removed_early')
  end
end

local function has_much(owner)
  local all, most = unpack(redis.call('HMGET', result_bytes_key(owner), 'all', 'most'))
  return all and most and tonumber(all) > MUCH * tonumber(most)
end

for _, owner in ipairs(redis.call('ZRANGEBYSCORE', thinning_key(), '-inf', stamp(now), 'LIMIT', 0, limit)) do
  if left == 0 then break end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', results_key(owner), '-inf', stamp(now), 'LIMIT', 0, left)) do
    if not has_much(owner) then break end
    look_at(id, owner)
    left = left - 1
  end
  local first = has_much(owner) and redis.call('ZRANGE', results_key(owner), 0, 0, 'WITHSCORES')[2]
  if first then
    redis.call('ZADD', thinning_key(), stamp(math.max(now, tonumber(first))), owner)
  else
    redis.call('ZREM', thinning_key(), owner)
  end
end
return limit - left
