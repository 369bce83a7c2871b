--- @include "lib/clock"
--- @include "lib/crew"
--- @include "lib/even_if_full"
--- @include "lib/lanes"
--- @include "lib/requeue"
--- @include "lib/trouble"

-- A worker starts: what its earlier self was running under the same name died with it. A call does a part of it, so
-- that others are answered meanwhile; the caller goes on until nothing is left.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  worker
--   ARGV[3]  most_crashes       that end a job
--   ARGV[4]  reason             one of DEATHS
--   ARGV[5]  how                it died, as its parent saw, or ''
--   ARGV[6]  unclaimed_seconds  that a message may stay unclaimed
--   ARGV[7]  limit              of jobs, and of messages
--   ARGV[8]  held_before        jobs that earlier calls took from it
-- Output:
--   {jobs taken from it, ids of those that ended because of it, 1 if there may be more of either, else 0}
-- Events:
--   log: queued, done
local model, worker, most_crashes, reason, how = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local unclaimed_seconds, limit, held_before = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
even_if_full()
local now = clock()
local held, ended, more = {}, {}, 0
for _, id in ipairs(redis.call('SMEMBERS', held_key(worker))) do
  local job = redis.call('HMGET', job_key(id), 'worker', 'status', 'model')
  if job[1] ~= worker or job[2] ~= 'running' then
    redis.call('SREM', held_key(worker), id)
  elseif job[3] == model then
    if #held == limit then
      more = 1
      break
    end
    held[#held + 1] = id
  end
end
if reason == 'crashed' and #held == 1 and held_before == 0 then note_trouble(held[1], model, how) end
for _, id in ipairs(held) do
  if requeue(id, now, reason, most_crashes, how) == 'failed' then ended[#ended + 1] = id end
end

-- Messages that it had and no job was claimed for are lost with it. Where others live nobody knows which they were:
-- those that a living worker has are claimed within a second, or published once more, which does no harm.
forget_worker(model, worker)
local messages
if crew_of(model, now).workers == 0 then
  messages = redis.call('ZRANGE', published_key(model), 0, limit - 1)
  for _, id in ipairs(messages) do
    redis.call('ZREM', published_key(model), id)
    enter_lane(id, now)
  end
else
  local published = stamp(now + 1 - unclaimed_seconds)
  messages = redis.call('ZRANGEBYSCORE', published_key(model), '(' .. published, '+inf', 'LIMIT', 0, limit)
  for _, id in ipairs(messages) do redis.call('ZADD', published_key(model), published, id) end
end
if #messages == limit then more = 1 end

-- Its trial is over, unless it was of another model, whose sweep has still to see it.
if more == 1 then return { #held, ended, more } end
local trial = trial_key(worker)
local suspect = redis.call('HMGET', job_key(redis.call('GET', trial) or ''), 'worker', 'status')
if suspect[1] ~= worker or suspect[2] ~= 'running' then redis.call('DEL', trial) end
return { #held, ended, more }
