-- A running job failed, and is tried again later. ARGV: id, fence of its worker, seconds until then, the error.
-- Returns 'ok', or the job's present status when the caller has lost it.
even_if_full()
local id, fence, now = ARGV[1], ARGV[2], clock()
local job = redis.call('HMGET', job_key(id), 'fence', 'status', 'ended_under', 'model', 'priority')
if job[3] == fence then return 'ok' end
if job[1] ~= fence or job[2] ~= 'running' then return job[2] or 'unknown' end
redis.call('HSET', job_key(id), 'ended_under', fence, 'last_error', ARGV[4])
redis.call('HINCRBY', job_key(id), 'failures', 1)
redis.call('HDEL', job_key(id), 'worker')
redis.call('ZREM', model_key('run', job[4]), id)
enter_line_later(id, job[4], job[5], stamp(now + tonumber(ARGV[3])))
turn(id, 'queued', now)
return 'ok'
