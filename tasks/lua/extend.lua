-- Extend a worker's leases. ARGV: worker, model, lease seconds, then id and fence of each job.
-- Returns id and present status of each job that is no longer the caller's.
even_if_full()
local worker, model, lease_until = ARGV[1], ARGV[2], stamp(clock() + tonumber(ARGV[3]))
local lost = {}
for i = 4, #ARGV, 2 do
  local held, status = holds(ARGV[i], ARGV[i + 1], worker, lease_until)
  if held then
    redis.call('ZADD', model_key('run', model), lease_until, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
    lost[#lost + 1] = status
  end
end
return lost
