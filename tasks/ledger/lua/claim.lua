-- Give a queued job to a worker: a new fence, a lease, and a `running` event.
-- ARGV: id, worker, lease seconds, oldest and newest version that is read, most claims, model, a number of this call that
--       no other has, digest of the model's file, how many slots the worker has no other job in, how many of them if
--       `low` ones give way, most crashes of a job.
-- Returns {'claimed', field, value ...}, with `alone` 1 where nothing may be run beside it, or {status}, the status being
-- 'unknown' for a job of another model and for what this version cannot read. The same call again, after a lost reply,
-- gets the same claim.

-- A `low` job that had to give way so often before it had a token is spared for so long.
local IN_VAIN, SPARED_SECONDS = 3, 10
-- A job that no worker of its version takes comes to its turn again after 2 seconds, then 4, 8 and 16.
local MOST_TIMES_LEFT = 4

even_if_full()
local id, worker, now, digest = ARGV[1], ARGV[2], clock(), ARGV[9]
local fields = { 'v', 'status', 'model', 'priority', 'claims', 'started_at', 'claimed_by', 'proven', 'model_digest',
  'given_back', 'in_vain', 'line', 'left', 'fails', 'kills', 'verdict' }
local job = {}
for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(fields))) do job[fields[i]] = value or nil end
job.fails, job.kills = tonumber(job.fails or '0'), tonumber(job.kills or '0')
if job.model ~= ARGV[7] then return { 'unknown' } end
if not readable(job.v, ARGV[4], ARGV[5]) then
  if job.status == 'queued' then  -- for a newer worker; meanwhile others have their turns
    local times = math.min(redis.call('HINCRBY', job_key(id), 'left', 1), MOST_TIMES_LEFT)
    leave_line(id, job.model, job.priority)
    enter_line_later(id, job.model, job.priority, stamp(now + 2 ^ times))
  end
  return { 'unknown' }
end
local function claimed(alone)
  local answer = { 'claimed', unpack(redis.call('HGETALL', job_key(id))) }
  if alone then answer[#answer + 1], answer[#answer + 2] = 'alone', '1' end
  return answer
end

local troubled = job.line ~= 'small' and in_trouble(job.model)
if job.status == 'running' and job.claimed_by == ARGV[8] then return claimed(troubled) end
if job.status ~= 'queued' then return { job.status } end

local later = redis.call('ZSCORE', PREFIX .. 'delayed', id)
if later and tonumber(later) > now then return { 'queued' } end

local model, claims = job.model, tonumber(job.claims or '0') - tonumber(job.given_back or '0')
local due = redis.call('ZSCORE', model_key('due', model), id)
if due and tonumber(due) <= now then
  conclude(id, 'expired', now)
  return { 'expired' }
end
if claims >= tonumber(ARGV[6]) then
  bury(id, model, now, failure('worker_died', 'The job was begun ' .. claims .. ' times and never ended.'))
  return { 'failed' }
end
if job.proven and job.model_digest ~= digest then
  conclude(id, 'failed', now, 'error', failure('model_changed', "The file of model '" .. model
    .. "' changed after this job's first tokens. Retry the job to run it with the new one from its beginning."))
  return { 'failed' }
end

-- Workers died of it too often, and another job of the model has had a token since: it was this one.
local suspected = redis.call('HEXISTS', trouble_key(model), id) == 1
local weighed = strikes(job) >= tonumber(ARGV[12]) * KILLS_A_CRASH
if weighed and not suspected then
  local only = only_one_has_tried(id, model, now)
  if not only then
    bury(id, model, now, job.verdict)
    return { 'failed' }
  end
  if only == worker then  -- for another
    leave_line(id, model, job.priority)
    if put_aside(id, model, job.priority, now) then return { 'queued' } end
    enter_line(id, model, job.priority, now)
    bury(id, model, now, job.verdict)
    return { 'failed' }
  end
end
local others = troubled and others_are_queued(model) or not troubled and redis.call('ZCARD', model_key('pend', model)) > 1
if suspected and others and (weighed or troubled) then  -- they go first: their tokens would tell
  leave_line(id, model, job.priority)
  if put_aside(id, model, job.priority, now) then
    if troubled then try_another(model, now) end
    return { 'queued' }
  end
  enter_line(id, model, job.priority, now)
end
if troubled and one_is_tried(model) then  -- it was published before
  if redis.call('ZREM', model_key('out', model), id) == 1 then enter_lane(id, now) end
  return { 'queued' }
end

if job.left then redis.call('HDEL', job_key(id), 'left') end
leave_line(id, model, job.priority)
local slots = tonumber(job.line == 'low' and ARGV[10] or ARGV[11])
redis.call('HSET', job_key(id), 'worker', worker, 'claimed_by', ARGV[8], 'model_digest', digest, 'spare', slots > 0 and 0 or 1)
if job.line == 'low' and tonumber(job.in_vain or '0') >= IN_VAIN then
  redis.call('HSET', job_key(id), 'spared_seconds', SPARED_SECONDS)
end
redis.call('HINCRBY', job_key(id), 'claims', 1)
if job.proven then count(model, 'resumed') end
if not job.started_at then redis.call('HSET', job_key(id), 'started_at', stamp(now)) end
start_running(id, model, now, ARGV[3])
if slots > 0 then has_slot(id, model, now) end
turn(id, 'running', now)
return claimed(troubled)
