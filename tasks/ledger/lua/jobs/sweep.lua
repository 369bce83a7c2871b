--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/crew"
--- @include "lib/end"
--- @include "lib/even_if_full"
--- @include "lib/lanes"
--- @include "lib/queued"
--- @include "lib/requeue"
--- @include "lib/running"
--- @include "lib/servable"

-- Mend what died in one model's queue: expired leases, published jobs that nobody claimed, deadlines that have passed.
-- Jobs of a model that no worker has ever been able to serve end, but for `low` ones: those of batches wait.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  unclaimed_seconds  that a message may stay unclaimed
--   ARGV[3]  most_crashes       that end a job
--   ARGV[4]  limit              of each
-- Output:
--   {jobs taken from dead workers, messages nobody claimed, ids of the jobs that ended because of it}
-- Events:
--   log: queued, done
--   control_channel: id of each job that is late
local model, unclaimed_seconds, most_crashes, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
even_if_full()
local now, ended = clock(), {}
-- Jobs that are looked at for those that nobody can serve.
local MOST_LOOKED_AT = 500
crew_of(model, now)

local lapsed = redis.call('ZRANGEBYSCORE', running_key(model), '-inf', stamp(now), 'LIMIT', 0, limit)
for _, id in ipairs(lapsed) do
  if redis.call('HGET', job_key(id), 'status') == 'running' then
    if requeue(id, now, 'lease_expired', most_crashes) == 'failed' then ended[#ended + 1] = id end
  else
    stop_running(id, model)
  end
end

local before = stamp(now - unclaimed_seconds)
local unclaimed = redis.call('ZRANGEBYSCORE', published_key(model), '-inf', before, 'LIMIT', 0, limit)
if #unclaimed > 0 then count(model, 'unclaimed', #unclaimed) end
for _, id in ipairs(unclaimed) do
  redis.call('ZREM', published_key(model), id)
  enter_lane(id, now)
end

local broken = cannot_be_served(model, now, 3)
for _, id in ipairs(broken and queued_in(model, { SLOTLESS, 'high', 'normal' }, MOST_LOOKED_AT) or {}) do
  if #ended >= limit then break end
  if redis.call('HGET', job_key(id), 'priority') ~= 'low' then
    conclude(id, 'failed', now, 'error', unserved(model, broken))
    ended[#ended + 1] = id
  end
end

local late = redis.call('ZRANGEBYSCORE', due_key(model), '-inf', stamp(now), 'LIMIT', 0, limit)
for _, id in ipairs(late) do
  local status = redis.call('HGET', job_key(id), 'status')
  if status and not ENDED[status] then
    conclude(id, 'expired', now)
    ended[#ended + 1] = id
    redis.call('PUBLISH', control_channel(model), id)
  else
    redis.call('ZREM', due_key(model), id)
  end
end
return { #lapsed, #unclaimed, ended }
