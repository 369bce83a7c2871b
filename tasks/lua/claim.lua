-- Give a queued job to a worker: a new fence, a lease, and a `running` event.
-- ARGV: id, worker, lease seconds, schema version, most claims.
-- Returns {'claimed', fence, field, value ...} or {status}, the status being 'unknown' for what this version cannot read.
local id, worker, now = ARGV[1], ARGV[2], clock()
local job = redis.call('HMGET', job_key(id), 'v', 'status', 'model', 'priority', 'claims', 'started_at')
if job[1] ~= ARGV[4] then return { 'unknown' } end
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
redis.call('HSET', job_key(id), 'worker', worker)
redis.call('HINCRBY', job_key(id), 'claims', 1)
if not job[6] then redis.call('HSET', job_key(id), 'started_at', stamp(now)) end
redis.call('ZADD', model_key('run', model), stamp(now + tonumber(ARGV[3])), id)
local fence = turn(id, 'running', now)
return { 'claimed', fence, unpack(redis.call('HGETALL', job_key(id))) }
