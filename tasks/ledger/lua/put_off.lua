-- A running job failed, and is tried again later.
-- ARGV: the holder (worker, lease seconds, digest), id, fence, how many events the worker has sent under it, seconds until
--       then, the error.
-- Returns 'ok', or the job's present status when the caller has lost it, or 'gap' when events are missing.
even_if_full()
local id, fence, now = ARGV[4], ARGV[5], clock()
local answer = obstacle(id, fence, { ARGV[1], ARGV[2], ARGV[3] }, tonumber(ARGV[6]))
if answer then return answer end
local job = redis.call('HMGET', job_key(id), 'model', 'priority')
redis.call('HSET', job_key(id), 'last_error', ARGV[8])
redis.call('HINCRBY', job_key(id), 'failures', 1)
redis.call('HDEL', job_key(id), 'worker')
stop_running(id, job[1])
count(job[1], 'given_back:failed')
enter_line_later(id, job[1], job[2], stamp(now + tonumber(ARGV[7])))
turn(id, 'queued', now)
return 'ok'
