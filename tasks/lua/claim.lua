-- Give a queued job to a worker: a new fence, a lease, and a `running` event.
-- ARGV: id, worker, lease seconds, schema version, most claims, model, a number of this call that no other has, digest
--       of the model's file, 1 if the worker has no slot for it yet or 0.
-- Returns {'claimed', field, value ...} or {status}, the status being 'unknown' for a job of another model and for what
-- this version cannot read. The same call again, after a lost reply, gets the same claim.
even_if_full()
local id, worker, now, digest = ARGV[1], ARGV[2], clock(), ARGV[8]
local fields = { 'v', 'status', 'model', 'priority', 'claims', 'started_at', 'claimed_by', 'proven', 'model_digest',
  'given_back' }
local job = {}
for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(fields))) do job[fields[i]] = value or nil end
if job.v ~= ARGV[4] or job.model ~= ARGV[6] then return { 'unknown' } end
if job.status == 'running' and job.claimed_by == ARGV[7] then
  return { 'claimed', unpack(redis.call('HGETALL', job_key(id))) }
end
if job.status ~= 'queued' then return { job.status } end

local later = redis.call('ZSCORE', PREFIX .. 'delayed', id)
if later and tonumber(later) > now then return { 'queued' } end

local model, claims = job.model, tonumber(job.claims or '0') - tonumber(job.given_back or '0')
local due = redis.call('ZSCORE', model_key('due', model), id)
if due and tonumber(due) <= now then
  conclude(id, 'expired', now)
  return { 'expired' }
end
if claims >= tonumber(ARGV[5]) then
  bury(id, model, now, failure('worker_died', 'The job was begun ' .. claims .. ' times and never ended.'))
  return { 'failed' }
end
if job.proven and job.model_digest ~= digest then
  conclude(id, 'failed', now, 'error', failure('model_changed', "The file of model '" .. model
    .. "' changed after this job's first tokens. Retry the job to run it with the new one from its beginning."))
  return { 'failed' }
end

leave_line(id, model, job.priority)
redis.call('HSET', job_key(id), 'worker', worker, 'claimed_by', ARGV[7], 'model_digest', digest, 'spare', ARGV[9])
redis.call('HINCRBY', job_key(id), 'claims', 1)
if not job.started_at then redis.call('HSET', job_key(id), 'started_at', stamp(now)) end
start_running(id, model, now, ARGV[3])
turn(id, 'running', now)
return { 'claimed', unpack(redis.call('HGETALL', job_key(id))) }
