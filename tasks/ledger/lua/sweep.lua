-- Mend what died in one model's queue: expired leases, published jobs that nobody claimed, deadlines that have passed.
-- Jobs of a model that no worker has ever been able to serve end, but for `low` ones: those of batches wait.
-- ARGV: model, seconds that a message may stay unclaimed, most fails, how many of each at most.
-- Returns {jobs taken from dead workers, messages nobody claimed, ids of the jobs that ended because of it}.
even_if_full()
local model, now, max_fails, limit = ARGV[1], clock(), tonumber(ARGV[3]), ARGV[4]
local ended = {}

local lapsed = redis.call('ZRANGEBYSCORE', model_key('run', model), '-inf', stamp(now), 'LIMIT', 0, limit)
for _, id in ipairs(lapsed) do
  if redis.call('HGET', job_key(id), 'status') == 'running' then
    if give_back(id, now, 'lease_expired', max_fails) == 'failed' then ended[#ended + 1] = id end
  else
    stop_running(id, model)
  end
end

local before = stamp(now - tonumber(ARGV[2]))
local unclaimed = redis.call('ZRANGEBYSCORE', model_key('out', model), '-inf', before, 'LIMIT', 0, limit)
if #unclaimed > 0 then count(model, 'unclaimed', #unclaimed) end
for _, id in ipairs(unclaimed) do
  redis.call('ZREM', model_key('out', model), id)
  enter_lane(id, now)
end

local broken = cannot_be_served(model, now, 3)
for _, id in ipairs(broken and redis.call('ZRANGE', model_key('pend', model), 0, -1) or {}) do
  if #ended >= tonumber(limit) then break end
  local job = redis.call('HMGET', job_key(id), 'status', 'priority')
  if job[1] == 'queued' and job[2] ~= 'low' then
    conclude(id, 'failed', now, 'error', unserved(model, broken))
    ended[#ended + 1] = id
  end
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
