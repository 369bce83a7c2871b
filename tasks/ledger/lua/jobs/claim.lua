--- @include "lib/clock"
--- @include "lib/computed_with"
--- @include "lib/count"
--- @include "lib/end"
--- @include "lib/even_if_full"
--- @include "lib/failure"
--- @include "lib/lanes"
--- @include "lib/line"
--- @include "lib/patience"
--- @include "lib/put_aside"
--- @include "lib/record"
--- @include "lib/running"
--- @include "lib/sentence"
--- @include "lib/strikes"
--- @include "lib/transition"
--- @include "lib/trouble"
--- @include "lib/version"

-- Give a queued job to a worker: a new fence, a lease, and a `running` event. The same call again, after a lost reply,
-- gets the same claim.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  worker
--   ARGV[3]  lease_seconds
--   ARGV[4]  oldest            version of the record that is read
--   ARGV[5]  newest            version of the record that is read
--   ARGV[6]  most_claims       that do not end a job
--   ARGV[7]  model
--   ARGV[8]  call              a text that no other claim has
--   ARGV[9]  digests           of the model's file, and of its adapters'
--   ARGV[10]  free_slots        of the worker, that no other job has
--   ARGV[11]  obtainable_slots  as many, and those that `low` jobs would give
--   ARGV[12]  most_crashes      that end a job
--   ARGV[13]  computes          a digest of all that decides what the worker answers, or ''
-- Output:
--   {'claimed', field, value ...}, with `alone` 1 where nothing may be run beside it
--   {'unknown'}, for a job of another model and for what this version cannot read
--   {'expired'}, {'failed'}, which it has just become
--   {'queued'}, when others go first
--   {status}, when it is not queued
-- Events:
--   log: running, done
local id, worker, lease_seconds, oldest, newest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local most_claims, model, call, digests = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local free_slots, obtainable_slots, most_crashes = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local computes = ARGV[13]
even_if_full()
local now = clock()

-- A `low` job that had to give way so often before it had a token is spared for so long.
local IN_VAIN, SPARED_SECONDS = 3, 10
-- A job that no worker of its version takes comes to its turn again after 2 seconds, then 4, 8 and 16.
local MOST_TIMES_LEFT = 4
-- One that asks for an adapter is left so often to workers that have it: for two minutes.
local MOST_TIMES_WITHOUT = 10

-- Whether jobs of the model are queued that no worker died of alone.
local function others_are_queued()
  local suspects = 0
  for _, other in ipairs(redis.call('HKEYS', trouble_key(model))) do
    if redis.call('HGET', job_key(other), 'status') == 'queued' then suspects = suspects + 1 end
  end
  return redis.call('ZCARD', pending_key(model)) - redis.call('ZCARD', running_key(model)) > suspects
end

local job = read(job_key(id), { 'v', 'status', 'model', 'priority', 'claims', 'started_at', 'claimed_by', 'proven',
  'model_digest', 'given_back', 'in_vain', 'line', 'left', 'fails', 'kills', 'verdict', 'adapters',
  'answer' })
job.fails, job.kills = tonumber(job.fails or '0'), tonumber(job.kills or '0')
if job.model ~= model then return { 'unknown' } end
-- For a newer worker; meanwhile others have their turns.
local function leave()
  local times = redis.call('HINCRBY', job_key(id), 'left', 1)
  leave_line(id, model, job.priority)
  enter_line_later(id, model, job.priority, stamp(now + 2 ^ math.min(times, MOST_TIMES_LEFT)))
end

if not readable(job.v, oldest, newest) then
  if job.status == 'queued' then leave() end
  return { 'unknown' }
end
local function claimed(alone)
  local answer = { 'claimed', unpack(redis.call('HGETALL', job_key(id))) }
  if alone then answer[#answer + 1], answer[#answer + 2] = 'alone', '1' end
  return answer
end

local troubled = job.line ~= SLOTLESS and in_trouble(model)
if job.status == 'running' and job.claimed_by == call then return claimed(troubled) end
if job.status ~= 'queued' then return { job.status } end

local later = redis.call('ZSCORE', delayed_key(), id)
if later and tonumber(later) > now then return { 'queued' } end

local claims = tonumber(job.claims or '0') - tonumber(job.given_back or '0')
local due = redis.call('ZSCORE', due_key(model), id)
if due and tonumber(due) <= now then
  conclude(id, 'expired', now)
  return { 'expired' }
end
if claims >= most_claims then
  bury(id, model, now, failure('worker_died', 'The job was begun ' .. claims .. ' times and never ended.'))
  return { 'failed' }
end
local digest = computed_with(digests, job.adapters)
if not digest then  -- the worker read an entry of before, or of after
  if tonumber(job.left or '0') < MOST_TIMES_WITHOUT then
    leave()
    return { 'unknown' }
  end
  conclude(id, 'failed', now, 'error', failure('adapter_missing', "The workers of model '" .. model
    .. "' have no adapter '" .. job.adapters .. "' any more. Ask for one that the list of models has."))
  return { 'failed' }
end
if job.proven and job.model_digest ~= digest then
  conclude(id, 'failed', now, 'error', failure('model_changed', "The file of model '" .. model .. "'"
    .. (job.adapters and ', or of its adapter,' or '') .. " changed after this job's first tokens. "
    .. 'Retry the job to run it with the new one from its beginning.'))
  return { 'failed' }
end

-- Workers died of it too often, and another job of the model has had a token since: it was this one.
local suspected = redis.call('HEXISTS', trouble_key(model), id) == 1
local weighed = strikes(job) >= most_crashes * KILLS_PER_CRASH
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
local others = redis.call('ZCARD', pending_key(model)) > 1
if troubled then others = others_are_queued() end
if suspected and others and (weighed or troubled) then  -- they go first: their tokens would tell
  leave_line(id, model, job.priority)
  if put_aside(id, model, job.priority, now) then
    if troubled then try_another(model, now) end
    return { 'queued' }
  end
  enter_line(id, model, job.priority, now)
end
if troubled and one_is_tried(model) then  -- it was published before
  if redis.call('ZREM', published_key(model), id) == 1 then enter_lane(id, now) end
  return { 'queued' }
end

if job.left then redis.call('HDEL', job_key(id), 'left') end
leave_line(id, model, job.priority)
local slots = job.line == 'low' and free_slots or obtainable_slots
redis.call('HSET', job_key(id), 'worker', worker, 'claimed_by', call, 'model_digest', digest,
  'spare', slots > 0 and 0 or 1)
if job.answer then redis.call('HSETNX', job_key(id), 'computes', computes) end
if job.line == 'low' and tonumber(job.in_vain or '0') >= IN_VAIN then
  redis.call('HSET', job_key(id), 'spared_seconds', SPARED_SECONDS)
end
redis.call('HINCRBY', job_key(id), 'claims', 1)
if job.proven then count(model, 'resumed') end
if not job.started_at then redis.call('HSET', job_key(id), 'started_at', stamp(now)) end
start_running(id, model, now, lease_seconds)
if slots > 0 then has_slot(id, model, now) end
transition(id, 'running', now, { 'worker', worker })
return claimed(troubled)
