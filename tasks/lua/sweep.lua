-- Mend what died in one model's queue: expired leases, published jobs that nobody claimed, deadlines that have passed.
-- ARGV: model, seconds that a message may stay unclaimed, most fails, how many of each at most.
-- Returns {jobs taken from dead workers, messages nobody claimed, ids of the jobs that ended because of it}.
even_if_full()
local model, now, max_fails, limit = ARGV[1], clock(), tonumber(ARGV[3]), ARGV[4]
local ended = {}

local lapsed = redis.call('ZRANGEBYSCORE', model_key('run', model), '-inf', stamp(now), 'LIMIT', 0, limit)
for _, id in ipairs(lapsed) do
  if redis.call('HGET', job_key(id), 'status') == 'running' then
    if give_back(id, now, 'its lease ran out', max_fails) == 'failed' then ended[#ended + 1] = id end
  else
    stop_running(id, model)
  end
end

local before = stamp(now - tonumber(ARGV[2]))
local unclaimed = redis.call('ZRANGEBYSCORE', model_key('out', model), '-inf', before, 'LIMIT', 0, limit)
for _, id in ipairs(unclaimed) do
  redis.call('ZREM', model_key('out', model), id)
  enter_lane(id, now)
end

local late = redis.call('ZRANGEBYSCORE', model_key('due', model), '-inf', stamp(now), 'LIMIT', 0, limit)
for _, id in ipairs(late) do
  if redis.call('EXISTS', job_key(id)) == 1 then
    conclude(id, 'expired', now)
    ended[#ended + 1] = id
    redis.call('PUBLISH', model_key('bell', model), id)
  else
    redis.call('ZREM', model_key('due', model), id)
  end
end
return { #lapsed, #unclaimed, ended }
