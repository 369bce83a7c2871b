-- Extend a worker's leases. ARGV: the holder (worker, lease seconds, digest), model, then id and fence of each job.
-- Returns id and present status of each job that is no longer the caller's.
even_if_full()
local holder, model, lease_until = { ARGV[1], ARGV[2], ARGV[3] }, ARGV[4], stamp(clock() + tonumber(ARGV[2]))
local lost = {}
for i = 5, #ARGV, 2 do
  local held, status = holds(ARGV[i], ARGV[i + 1], holder)
  if held then
    redis.call('ZADD', model_key('run', model), lease_until, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
    lost[#lost + 1] = status
  end
end
return lost
