--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/line"
--- @include "lib/record"
--- @include "lib/settle"

-- Give a queued job to another model; it has waited as long as before. Its owner is charged by that model alone.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  model
-- Output:
--   {'moved'}
--   {'unknown'}
--   {status}, when it is not queued
-- Events: none
local id, model = ARGV[1], ARGV[2]
local now = clock()
local job = read(job_key(id), { 'status', 'model', 'priority', 'place' })
if not job.status then return { 'unknown' } end
if job.status ~= 'queued' then return { job.status } end
local before = job.model
if before == model then return { 'moved' } end

-- The first write is one that full memory refuses.
redis.call('HSET', job_key(id), 'place', job.place)
local accepted, due = redis.call('ZSCORE', pending_key(before), id), redis.call('ZSCORE', due_key(before), id)
settle(id)
leave_line(id, before, job.priority)
redis.call('ZREM', pending_key(before), id)
redis.call('ZREM', due_key(before), id)
redis.call('SREM', slotless_key(before), id)
redis.call('HDEL', trouble_key(before), id)
redis.call('HDEL', job_key(id), 'paid', 'aside', 'verdict', 'model_digest', 'spared_seconds')

redis.call('HSET', job_key(id), 'model', model)
redis.call('SADD', models_key(), model)
redis.call('ZADD', pending_key(model), accepted or stamp(now), id)
if due then redis.call('ZADD', due_key(model), due, id) end
enter_line(id, model, job.priority, now)
count_job(model, 'accepted', job.priority)
return { 'moved' }
