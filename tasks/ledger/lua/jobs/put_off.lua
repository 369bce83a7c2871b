--- @include "lib/check_can_end"
--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/even_if_full"
--- @include "lib/line"
--- @include "lib/running"
--- @include "lib/transition"

-- A running job failed, and is tried again later.
--
-- Input:
--   ARGV[1]  worker
--   ARGV[2]  lease_seconds
--   ARGV[3]  digest         of the model's file
--   ARGV[4]  id
--   ARGV[5]  fence
--   ARGV[6]  num_events     that the worker has sent under the fence
--   ARGV[7]  seconds        until it is tried again
--   ARGV[8]  error
-- Output:
--   'ok'
--   the job's present status, when the caller has lost it
--   'gap', when events are missing
-- Events:
--   log: queued
local worker, lease_seconds, digest, id, fence = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local num_events, seconds, error = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
even_if_full()
local now = clock()
local answer = check_can_end(id, fence, { worker, lease_seconds, digest }, num_events)
if answer then return answer end
local model, priority = unpack(redis.call('HMGET', job_key(id), 'model', 'priority'))
redis.call('HSET', job_key(id), 'last_error', error)
redis.call('HINCRBY', job_key(id), 'failures', 1)
stop_running(id, model)
count(model, 'given_back:failed')
enter_line_later(id, model, priority, stamp(now + seconds))
transition(id, 'queued', now, { 'reason', 'failed' })
redis.call('HDEL', job_key(id), 'worker')
return 'ok'
