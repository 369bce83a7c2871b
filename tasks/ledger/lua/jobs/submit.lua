--- @include "lib/answers"
--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/job_rate"
--- @include "lib/line"
--- @include "lib/owner_limit"
--- @include "lib/repeat_answer"
--- @include "lib/results"
--- @include "lib/servable"
--- @include "lib/transition"

-- Accept a job: its idempotency key, its record, its first event and its place in the line, or nothing at all.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  model
--   ARGV[3]  owner
--   ARGV[4]  priority
--   ARGV[5]  line
--   ARGV[6]  ttl             seconds that the job is kept after its end
--   ARGV[7]  longest_queue   jobs of the model
--   ARGV[8]  key             for idempotency, or ''
--   ARGV[9]  digest          of the request's body
--   ARGV[10]  timeout         seconds, or ''
--   ARGV[11]  most_in_flight  jobs of the owner that have not ended, or '' for any number
--   ARGV[12]  most_result_bytes  bytes that the owner's jobs may take, or '' for any number
--   ARGV[13]  answer       what it asks, if the answer of an earlier job will do, or ''
--   ARGV[14..]  the record's fields and values
-- Output:
--   {'accepted', id, when, fence}
--   {'answered', id}, when it was given the answer of an earlier job
--   {'known', id of the earlier job}
--   {'reused', ''}
--   {'draining', ''}
--   {'broken', why}
--   {'full', '', queue length, seconds in which a job ends, or '' if unknown}
--   {'busy', jobs of the owner that have not ended}
--   {'kept', bytes of the owner's jobs, the most, seconds until an ended one may be removed, or ''}
-- Events:
--   log: queued; if it was given an answer, its pieces and done
local id, model, owner, priority, line = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ttl, longest_queue, key, digest, timeout = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local most_in_flight, most_result_bytes, answer = ARGV[11], ARGV[12], ARGV[13]
local now = clock()

local idem = idempotency_key(owner, key)
if key ~= '' then
  local known = redis.call('HMGET', idem, 'job', 'digest')
  if known[1] and redis.call('EXISTS', job_key(known[1])) == 1 then
    if known[2] ~= digest then return { 'reused', '' } end
    return { 'known', known[1] }
  end
end

if redis.call('GET', queue_state_key(model)) == 'draining' then return { 'draining', '' } end
local earlier = answer ~= '' and kept_answer(owner, answer, model)
if not earlier then  -- an answer that is there takes neither a worker nor a place
  local broken = cannot_be_served(model, now, 1)
  if broken then return { 'broken', broken } end
  local depth = redis.call('ZCARD', pending_key(model))
  if depth >= longest_queue then return { 'full', '', tostring(depth), seconds_a_job(model, now) } end
  local live = busy(owner, most_in_flight)
  if live then return { 'busy', live } end
end
local kept, seconds = over_bytes(owner, most_result_bytes, now)
if kept then return { 'kept', kept, most_result_bytes, seconds } end

local at = stamp(now)
local fence = transition(id, 'queued', now)
redis.call('HSET', job_key(id), 'created_at', at, 'place', at, 'line', line, 'ttl', ttl, unpack(ARGV, 14))
enter_line(id, model, priority, now)
count_job(model, 'accepted', priority)
redis.call('ZADD', pending_key(model), at, id)
redis.call('SADD', models_key(), model)
if timeout ~= '' then redis.call('ZADD', due_key(model), stamp(now + tonumber(timeout)), id) end
if key ~= '' then
  redis.call('HSET', idem, 'job', id, 'digest', digest)
  redis.call('HSET', job_key(id), 'idem', idem)
end
redis.call('ZADD', owned_key(owner), at, id)
redis.call('SADD', in_flight_key(owner), id)
count_queued(id, owner, key ~= '' and idem)
if answer ~= '' then count(model, earlier and 'answers:hit' or 'answers:miss') end
if earlier then
  repeat_answer(id, fence, earlier, now)
  return { 'answered', id }
end
return { 'accepted', id, at, fence }
