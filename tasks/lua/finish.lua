-- End a running job, under the fence of the worker that ran it.
-- ARGV: id, fence, status, field ('outcome' or 'error'), its value.
-- Returns 'ok', or the job's present status when the caller has lost it.
even_if_full()
local id, fence = ARGV[1], ARGV[2]
local job = redis.call('HMGET', job_key(id), 'fence', 'status', 'ended_under')
if job[3] == fence then return 'ok' end
if job[1] ~= fence or job[2] ~= 'running' then return job[2] or 'unknown' end
redis.call('HSET', job_key(id), 'ended_under', fence)
conclude(id, ARGV[3], clock(), ARGV[4], ARGV[5])
return 'ok'
