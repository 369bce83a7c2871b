-- A worker starts: what its earlier self was running under the same name died with it.
-- ARGV: model, worker, most crashes of a job, one of DEATHS, what the parent saw of it or ''.
-- Returns {jobs taken from it, ids of those that ended because of it}.
even_if_full()
local model, worker, now, count, ended = ARGV[1], ARGV[2], clock(), 0, {}
for _, id in ipairs(redis.call('ZRANGE', model_key('run', model), 0, -1)) do
  if redis.call('HGET', job_key(id), 'worker') == worker then
    count = count + 1
    if give_back(id, now, ARGV[4], tonumber(ARGV[3]), ARGV[5]) == 'failed' then ended[#ended + 1] = id end
  end
end

-- Its trial is over, unless it was of another model, whose sweep has still to see it.
local trial = PREFIX .. 'trial:' .. worker
local suspect = redis.call('HMGET', job_key(redis.call('GET', trial) or ''), 'worker', 'status')
if suspect[1] ~= worker or suspect[2] ~= 'running' then redis.call('DEL', trial) end
return { count, ended }
