-- What may become of a job, and what goes with it.

-- Move a job to a status: raise its fence, so that an earlier claim's writes are refused, and say so in its stream.
local function turn(id, status, now)
  local fence = tonumber(redis.call('HGET', job_key(id), 'fence') or '0') + 1
  fence = string.format('%.0f', math.max(fence, math.floor(now * 1000)))
  redis.call('HSET', job_key(id), 'fence', fence, 'status', status)
  local kind = ENDED[status] and 'done' or 'status'
  append(id, fence, 0, { '{"type":"' .. kind .. '","status":"' .. status .. '"}' })
  return fence
end

-- What runs, by the end of its lease.
local function start_running(id, model, now, lease_seconds)
  redis.call('ZADD', model_key('run', model), stamp(now + tonumber(lease_seconds)), id)
  if redis.call('HGET', job_key(id), 'line') == 'small' then redis.call('SADD', model_key('small', model), id) end
end

-- A running job has a slot. A `low` one gives way to more urgent jobs from now on, or after it was spared for a while.
local function has_slot(id, model, now)
  local line, spared = unpack(redis.call('HMGET', job_key(id), 'line', 'spared_seconds'))
  if line == 'low' then redis.call('ZADD', model_key('yield', model), stamp(now + tonumber(spared or '0')), id) end
end

local function stop_running(id, model)
  redis.call('ZREM', model_key('run', model), id)
  redis.call('ZREM', model_key('yield', model), id)
  redis.call('HDEL', job_key(id), 'spared_seconds')
end

-- What lists a job that has ended, until `tidy.lua` removes it.
local function listing(id, model, owner) return cjson.encode({ id, model, owner }) end

-- Remove an ended job from every list, and its record and stream.
local function erase(id, model, owner)
  redis.call('ZREM', PREFIX .. 'ended', listing(id, model, owner))
  redis.call('ZREM', PREFIX .. 'jobs:' .. owner, id)
  redis.call('ZREM', model_key('dlq', model), id)
  redis.call('HDEL', trouble_key(model), id)
  redis.call('DEL', job_key(id), PREFIX .. 'log:' .. id)
end

local function failure(code, message)
  return cjson.encode({ message = message, type = 'server_error', param = cjson.null, code = code })
end

-- End a job: whoever held it loses it, it leaves every index of live jobs, and what it has in Redis begins to age.
-- What follows `now` are fields of its record and their values.
local function conclude(id, status, now, ...)
  local job = redis.call('HMGET', job_key(id), 'model', 'priority', 'status', 'ttl', 'owner', 'idem')
  local model, ttl = job[1], tonumber(job[4])
  if job[3] == 'queued' then leave_line(id, model, job[2]) end
  stop_running(id, model)
  for _, kind in ipairs({ 'pend', 'due' }) do redis.call('ZREM', model_key(kind, model), id) end
  redis.call('SREM', live_key(job[5]), id)
  redis.call('SREM', model_key('small', model), id)
  redis.call('HSET', job_key(id), 'finished_at', stamp(now))
  if select('#', ...) > 0 then redis.call('HSET', job_key(id), ...) end
  settle(id)
  count_job(model, status, job[2])
  tell(id, turn(id, status, now), now)
  redis.call('ZADD', PREFIX .. 'ended', stamp(now + ttl), listing(id, model, job[5]))
  redis.call('EXPIRE', job_key(id), ttl)
  redis.call('EXPIRE', PREFIX .. 'log:' .. id, ttl)
  if job[6] then redis.call('EXPIRE', job[6], ttl) end
end

-- End a job that workers die of.
local function bury(id, model, now, error)
  conclude(id, 'failed', now, 'error', error)
  redis.call('ZADD', model_key('dlq', model), stamp(now), id)
  count(model, 'dead_letters')
end

-- What deaths weigh: a crash of the worker's own process is proof of something, a kill from outside is hardly any.
local KILLS_A_CRASH = 4
local function strikes(job) return job.fails * KILLS_A_CRASH + job.kills end

-- Whether a job is to blame for the death of the worker that held it.
-- job: {worker, fence, fails, kills, proven, spare, spared}; most: crashes that end a job.
--
-- A worker that tries a suspect alone writes down which one, and then it was that one and no other. Else whatever it
-- held may be to blame, but for suspects, which wait for their trial, and for what had no slot as far as we know.
-- That is not known exactly, so the same job is spared three times at most.
local function to_blame(id, job, most)
  local on_trial = redis.call('GET', PREFIX .. 'trial:' .. (job.worker or ''))
  if on_trial then return on_trial == id end
  if strikes(job) >= (most - 1) * KILLS_A_CRASH then return false end
  if job.spare == '1' and job.proven ~= job.fence and job.spared < 3 then
    redis.call('HINCRBY', job_key(id), 'spared', 1)
    return false
  end
  return true
end

-- Write down a death of which a job may be to blame; the error that the job ends with if those are too many.
-- `found` says how the death was found, `crashed` whether the worker's process crashed.
local function blame(id, job, found, crashed, now)
  local deaths = cjson.decode(job.deaths or '[]')
  if #deaths >= 10 then table.remove(deaths, 1) end
  local alone = redis.call('GET', PREFIX .. 'trial:' .. (job.worker or '')) == id
  deaths[#deaths + 1] = { worker = job.worker or '?', at = math.floor(now), found = found, alone = alone }
  if crashed then job.fails = job.fails + 1 else job.kills = job.kills + 1 end
  redis.call('HSET', job_key(id), 'fails', job.fails, 'kills', job.kills, 'deaths', cjson.encode(deaths))
  local names = {}
  for i = math.max(1, #deaths - job.fails - job.kills + 1), #deaths do names[#names + 1] = deaths[i].worker end
  local error = failure('worker_died', #names .. ' workers died while they ran this job, without a new token between: '
    .. table.concat(names, ', ') .. (alone and '. The last one ran nothing else.' or '.'))
  redis.call('HSET', job_key(id), 'verdict', error)
  return error
end

-- A job that was spared has had its turn by age: its owner pays for that, and it stands in the owner's lane again.
local function give_up_turn(id, model, now)
  if not redis.call('HGET', job_key(id), 'spared_seconds') then return end
  settle(id)
  redis.call('HSET', fair_key(model, 'low'), 'turn_at', stamp(now))
end

-- How the death of a worker was found. A parent that saw its process die says how; of others' deaths nobody knows.
local DEATHS = {
  crashed = 'its process crashed',
  killed = 'its process was killed',
  lease_expired = 'its lease ran out',
  worker_restarted = 'it started again',
}

-- Take a running job from its worker and put it back into the line.
-- reason: one of DEATHS, or why a worker that lives gives it back. most: crashes that end a job. how: what a parent saw.
local function give_back(id, now, reason, most, how)
  local fields = { 'model', 'priority', 'worker', 'fence', 'fails', 'kills', 'proven', 'spare', 'spared', 'deaths' }
  local job = {}
  for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(fields))) do job[fields[i]] = value or nil end
  for _, field in ipairs({ 'fails', 'kills', 'spared' }) do job[field] = tonumber(job[field] or '0') end
  count(job.model, 'given_back:' .. reason)
  local found, aside = DEATHS[reason], false
  if found and to_blame(id, job, most) then
    if how and how ~= '' then found = 'its process ' .. how end
    local error = blame(id, job, found, reason == 'crashed', now)
    if strikes(job) >= most * KILLS_A_CRASH then
      if sentence(id, job.model, found, now) == 'bury' then
        bury(id, job.model, now, error)
        return 'failed'
      end
      aside = true
    end
  end
  if not found then
    redis.call('HINCRBY', job_key(id), 'given_back', 1)
    if reason == 'outranked' then redis.call('HINCRBY', job_key(id), 'in_vain', 1) end
    give_up_turn(id, job.model, now)
  end
  stop_running(id, job.model)
  redis.call('HDEL', job_key(id), 'worker')
  if not (aside and put_aside(id, job.model, job.priority, now)) then enter_line(id, job.model, job.priority, now) end
  turn(id, 'queued', now)
  return 'queued'
end

-- The number of the last event under a fence; -1 if there is none.
local function top(id, fence)
  local last = redis.call('XREVRANGE', PREFIX .. 'log:' .. id, '+', '-', 'COUNT', 1)[1]
  return last and tonumber(string.match(last[1], '^' .. fence .. '%-(%d+)$')) or -1
end

-- Whether a job is the holder's, and the job's status. holder: {worker, lease seconds, digest of the model's file}.
--
-- A fence above the job's own is one that Redis has forgotten: it came back, or its replica took over, without its last
-- moments. The worker knows better, unless another has claimed the job since, and its claim is written again.
local function holds(id, fence, holder)
  local job = redis.call('HMGET', job_key(id), 'fence', 'status', 'model', 'priority')
  if job[1] == fence then return job[2] == 'running', job[2] end
  if not job[1] or ENDED[job[2]] or tonumber(job[1]) > tonumber(fence) then return false, job[2] or 'unknown' end
  local now = clock()
  if job[2] == 'queued' then leave_line(id, job[3], job[4]) end
  redis.call('HSET', job_key(id), 'fence', fence, 'status', 'running', 'worker', holder[1], 'model_digest', holder[3])
  redis.call('HSETNX', job_key(id), 'started_at', stamp(now))
  redis.call('HINCRBY', job_key(id), 'claims', 1)
  charge_turn(id)
  start_running(id, job[3], now, holder[2])
  has_slot(id, job[3], now)
  append(id, fence, 0, { '{"type":"status","status":"running"}' })
  return true, 'running'
end

-- Why a worker may not end a job that it has sent so many events of; nil if it may. The same call again, after a lost
-- reply, is 'ok'.
local function obstacle(id, fence, holder, num_events)
  if redis.call('HGET', job_key(id), 'ended_under') == fence then return 'ok' end
  local held, status = holds(id, fence, holder)
  if not held then return status end
  if top(id, fence) < num_events then return 'gap' end
  redis.call('HSET', job_key(id), 'ended_under', fence)
end
