--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/holds"

-- Extend a worker's leases.
--
-- Input:
--   ARGV[1]  worker
--   ARGV[2]  lease_seconds
--   ARGV[3]  digest         of the model's file
--   ARGV[4]  model
--   ARGV[5..]  id and fence of each job
-- Output:
--   {id, present status ...} of each job that is no longer the caller's
-- Events:
--   log: running, of jobs whose claim Redis had forgotten
local worker, lease_seconds, digest, model = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
even_if_full()
local holder, lease_until = { worker, lease_seconds, digest }, stamp(clock() + tonumber(lease_seconds))
local lost = {}
for i = 5, #ARGV, 2 do
  local held, status = holds(ARGV[i], ARGV[i + 1], holder)
  if held then
    redis.call('ZADD', running_key(model), lease_until, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
    lost[#lost + 1] = status
  end
end
return lost
