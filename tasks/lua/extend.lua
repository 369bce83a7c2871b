-- Extend a worker's leases. ARGV: model, lease seconds, then id and fence of each job.
-- Returns id and present status of each job that is no longer the caller's.
local model, until_ = ARGV[1], stamp(clock() + tonumber(ARGV[2]))
local lost = {}
for i = 3, #ARGV, 2 do
  local job = redis.call('HMGET', job_key(ARGV[i]), 'fence', 'status')
  if job[1] == ARGV[i + 1] and job[2] == 'running' then
    redis.call('ZADD', model_key('run', model), 'XX', until_, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
    lost[#lost + 1] = job[2] or 'unknown'
  end
end
return lost
