--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/job_rate"
--- @include "lib/line"
--- @include "lib/listing"
--- @include "lib/owner_limit"
--- @include "lib/record"
--- @include "lib/results"
--- @include "lib/servable"
--- @include "lib/transition"
--- @include "lib/webhook_drop"

-- Run a job again that ended without success, from its beginning.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner           or '' for any
--   ARGV[3]  longest_queue   jobs of its model
--   ARGV[4]  most_in_flight  jobs of its owner that have not ended, or '' for any number
--   ARGV[5]  metered         what was counted of its key's minute for this, or ''
--   ARGV[6]  most_result_bytes  bytes that its owner's jobs may take, or '' for any number
--   ARGV[7]  trace           its place in a trace, or ''
-- Output:
--   {'retried', model}
--   {'full', queue length, seconds in which a job ends, or ''}
--   {'draining'}
--   {'broken', why}
--   {'busy', jobs of the owner that have not ended}
--   {'kept', bytes of its owner's jobs, the most, seconds until an ended one may be removed, or ''}
--   {'unknown'}
--   {status}, when it has not ended so
-- Events:
--   log: queued
local id, owner, longest_queue, most_in_flight, metered = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local most_result_bytes, trace = ARGV[6], ARGV[7]
local now = clock()
local job = read(job_key(id), { 'status', 'model', 'owner', 'priority', 'timeout', 'idem' })
local status, model = job.status, job.model
if not status or (owner ~= '' and job.owner ~= owner) then return { 'unknown' } end
if not ENDED[status] or not TRANSITIONS[status].queued then return { status } end
if redis.call('GET', queue_state_key(model)) == 'draining' then return { 'draining' } end
local broken = cannot_be_served(model, now, 1)
if broken then return { 'broken', broken } end
local depth = redis.call('ZCARD', pending_key(model))
if depth >= longest_queue then return { 'full', tostring(depth), seconds_a_job(model, now) } end
local live = busy(job.owner, most_in_flight)
if live then return { 'busy', live } end
local kept, seconds = over_bytes(job.owner, most_result_bytes, now)
if kept then return { 'kept', kept, most_result_bytes, seconds } end

-- The first write is one that full memory refuses, as it does a new job.
redis.call('HSET', job_key(id), 'place', stamp(now))
redis.call('ZREM', ended_key(), listing(id, model, job.owner))
uncount_job(id, job.owner)
redis.call('ZREM', dead_letters_key(model), id)
redis.call('HDEL', trouble_key(model), id)
redis.call('DEL', log_key(id))
tell_nothing(id)  -- what is to be told is how it ends now
redis.call('PERSIST', job_key(id))
if job.idem then redis.call('PERSIST', job.idem) end
redis.call('HDEL', job_key(id), 'error', 'started_at', 'first_token_at', 'finished_at', 'worker', 'claims', 'fails',
  'kills', 'verdict', 'aside', 'absolved', 'failures', 'last_error', 'given_back', 'in_vain', 'charged', 'paid',
  'proven', 'spare', 'spared', 'deaths', 'model_digest', 'delivery',
  'metered', 'trace', 'computes')
if metered ~= '' then redis.call('HSET', job_key(id), 'metered', metered) end
if trace ~= '' then redis.call('HSET', job_key(id), 'trace', trace) end

transition(id, 'queued', now)
enter_line(id, model, job.priority, now)
count_job(model, 'accepted', job.priority)
redis.call('ZADD', pending_key(model), stamp(now), id)
redis.call('SADD', models_key(), model)
redis.call('SADD', in_flight_key(job.owner), id)
count_queued(id, job.owner, job.idem)
if job.timeout then redis.call('ZADD', due_key(model), stamp(now + tonumber(job.timeout)), id) end
return { 'retried', model }
