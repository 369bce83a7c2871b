-- Give a queued job to a worker: a new fence, a lease, and a `running` event.
-- ARGV: id, worker, lease seconds, schema version, most claims, model, a number of this call that no other has.
-- Returns {'claimed', field, value ...} or {status}, the status being 'unknown' for a job of another model and for what
-- this version cannot read. The same call again, after a lost reply, gets the same claim.
local id, worker, now = ARGV[1], ARGV[2], clock()
local job = redis.call('HMGET', job_key(id), 'v', 'status', 'model', 'priority', 'claims', 'started_at', 'claimed_by')
if job[1] ~= ARGV[4] or job[3] ~= ARGV[6] then return { 'unknown' } end
if job[2] == 'running' and job[7] == ARGV[7] then return { 'claimed', unpack(redis.call('HGETALL', job_key(id))) } end
if job[2] ~= 'queued' then return { job[2] } end

local model = job[3]
local due = redis.call('ZSCORE', model_key('due', model), id)
if due and tonumber(due) <= now then
  conclude(id, 'expired', now)
  return { 'expired' }
end
if tonumber(job[5] or '0') >= tonumber(ARGV[5]) then
  local error = { message = 'The job was begun ' .. job[5] .. ' times and never ended.', type = 'server_error', param = cjson.null, code = 'engine_failure' }
  conclude(id, 'failed', now, 'error', cjson.encode(error))
  redis.call('ZADD', model_key('dlq', model), stamp(now), id)
  return { 'failed' }
end

leave_line(id, model, job[4])
redis.call('HSET', job_key(id), 'worker', worker, 'claimed_by', ARGV[7])
redis.call('HINCRBY', job_key(id), 'claims', 1)
if not job[6] then redis.call('HSET', job_key(id), 'started_at', stamp(now)) end
redis.call('ZADD', model_key('run', model), stamp(now + tonumber(ARGV[3])), id)
turn(id, 'running', now)
return { 'claimed', unpack(redis.call('HGETALL', job_key(id))) }
