--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lanes"
--- @include "lib/requeue"
--- @include "lib/trouble"

-- A worker starts: what its earlier self was running under the same name died with it.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  worker
--   ARGV[3]  most_crashes       that end a job
--   ARGV[4]  reason             one of DEATHS
--   ARGV[5]  how                it died, as its parent saw, or ''
--   ARGV[6]  unclaimed_seconds  that a message may stay unclaimed
-- Output:
--   {jobs taken from it, ids of those that ended because of it}
-- Events:
--   log: queued, done
local model, worker, most_crashes, reason, how = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local unclaimed_seconds = tonumber(ARGV[6])
even_if_full()
local now = clock()
local held, ended = {}, {}
for _, id in ipairs(redis.call('ZRANGE', running_key(model), 0, -1)) do
  if redis.call('HGET', job_key(id), 'worker') == worker then held[#held + 1] = id end
end
if reason == 'crashed' and #held == 1 then note_trouble(held[1], model, how) end
for _, id in ipairs(held) do
  if requeue(id, now, reason, most_crashes, how) == 'failed' then ended[#ended + 1] = id end
end

-- Messages that it had and no job was claimed for are lost with it. Where others live nobody knows which they were:
-- those that a living worker has are claimed within a second, or published once more, which does no harm.
redis.call('ZREM', workers_key(model), worker)
if redis.call('ZCOUNT', workers_key(model), stamp(now), '+inf') == 0 then
  for _, id in ipairs(redis.call('ZRANGE', published_key(model), 0, -1)) do
    redis.call('ZREM', published_key(model), id)
    enter_lane(id, now)
  end
else
  local published = stamp(now + 1 - unclaimed_seconds)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', published_key(model), '(' .. published, '+inf')) do
    redis.call('ZADD', published_key(model), published, id)
  end
end

-- Its trial is over, unless it was of another model, whose sweep has still to see it.
local trial = trial_key(worker)
local suspect = redis.call('HMGET', job_key(redis.call('GET', trial) or ''), 'worker', 'status')
if suspect[1] ~= worker or suspect[2] ~= 'running' then redis.call('DEL', trial) end
return { #held, ended }
