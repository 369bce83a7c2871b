-- End a running job, under the fence of the worker that ran it.
-- ARGV: the holder (worker, lease seconds, digest), id, fence, how many events the worker has sent under it, status,
--       field ('outcome' or 'error'), its value.
-- Returns 'ok', or the job's present status when the caller has lost it, or 'gap' when events are missing.
even_if_full()
local id, fence = ARGV[4], ARGV[5]
if redis.call('HGET', job_key(id), 'ended_under') == fence then return 'ok' end
local held, status = holds(id, fence, { ARGV[1], ARGV[2], ARGV[3] })
if not held then return status end
if top(id, fence) < tonumber(ARGV[6]) then return 'gap' end
redis.call('HSET', job_key(id), 'ended_under', fence)
conclude(id, ARGV[7], clock(), ARGV[8], ARGV[9])
return 'ok'
