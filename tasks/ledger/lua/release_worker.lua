-- A worker starts: what its earlier self was running under the same name died with it.
-- ARGV: model, worker, most crashes of a job, one of DEATHS, what the parent saw of it or '', seconds that a message may
--       stay unclaimed.
-- Returns {jobs taken from it, ids of those that ended because of it}.
even_if_full()
local model, worker, reason, how, now = ARGV[1], ARGV[2], ARGV[4], ARGV[5], clock()
local held, ended = {}, {}
for _, id in ipairs(redis.call('ZRANGE', model_key('run', model), 0, -1)) do
  if redis.call('HGET', job_key(id), 'worker') == worker then held[#held + 1] = id end
end
if reason == 'crashed' and #held == 1 then note_trouble(held[1], model, how) end
for _, id in ipairs(held) do
  if give_back(id, now, reason, tonumber(ARGV[3]), how) == 'failed' then ended[#ended + 1] = id end
end

-- Messages that it had and no job was claimed for are lost with it. Where others live nobody knows which they were: those
-- that a living worker has are claimed within a second, or published once more, which does no harm.
redis.call('ZREM', model_key('workers', model), worker)
if redis.call('ZCOUNT', model_key('workers', model), stamp(now), '+inf') == 0 then
  for _, id in ipairs(redis.call('ZRANGE', model_key('out', model), 0, -1)) do
    redis.call('ZREM', model_key('out', model), id)
    enter_lane(id, now)
  end
else
  local published = stamp(now + 1 - tonumber(ARGV[6]))
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', model_key('out', model), '(' .. published, '+inf')) do
    redis.call('ZADD', model_key('out', model), published, id)
  end
end

-- Its trial is over, unless it was of another model, whose sweep has still to see it.
local trial = PREFIX .. 'trial:' .. worker
local suspect = redis.call('HMGET', job_key(redis.call('GET', trial) or ''), 'worker', 'status')
if suspect[1] ~= worker or suspect[2] ~= 'running' then redis.call('DEL', trial) end
return { #held, ended }
