-- Shared by every script of the ledger: `tasks/job_store.py` puts this text before each of them.
-- Keys are built here, not passed: the ledger lives on one Redis primary, never on a cluster.

local PREFIX = 'caravan:'
local ENDED = { succeeded = true, failed = true, cancelled = true, expired = true }

local function job_key(id) return PREFIX .. 'job:' .. id end
local function model_key(kind, model) return PREFIX .. kind .. ':' .. model end

-- An owner's jobs that have not ended, which a key may limit.
local function live_key(owner) return PREFIX .. 'live:' .. owner end

-- How many those are, if they are as many as a key allows; nil if there is room. most: a number, or '' for any.
local function busy(owner, most)
  if most == '' then return nil end
  local live = redis.call('SCARD', live_key(owner))
  return live >= tonumber(most) and tostring(live) or nil
end

-- Seconds since the epoch on the clock of Redis, the only clock that decides anything.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- Redis refuses a script's first write while its memory is full, and only the first. A script that leads to jobs' ends,
-- and so to memory being freed, begins with this one, which needs none.
local function even_if_full() redis.call('DEL', PREFIX .. 'nothing') end

-- Lua's tostring() keeps 14 digits; a time in microseconds has 16.
local function stamp(seconds) return string.format('%.6f', seconds) end

-- Append events at <fence>-<seq>, <fence>-<seq + 1> ... and ring the job's doorbell with them.
local function append(id, fence, seq, events)
  local log, message = PREFIX .. 'log:' .. id, {}
  for i, event in ipairs(events) do
    local cursor = fence .. '-' .. string.format('%.0f', seq + i - 1)
    redis.call('XADD', log, cursor, 'e', event)
    message[i] = '["' .. cursor .. '",' .. event .. ']'
  end
  if #message > 0 then
    redis.call('PUBLISH', PREFIX .. 'tok:' .. id, '[' .. table.concat(message, ',') .. ']')
  end
end

-- Move a job to a status: raise its fence, so that an earlier claim's writes are refused, and say so in its stream.
local function turn(id, status, now)
  local fence = tonumber(redis.call('HGET', job_key(id), 'fence') or '0') + 1
  fence = string.format('%.0f', math.max(fence, math.floor(now * 1000)))
  redis.call('HSET', job_key(id), 'fence', fence, 'status', status)
  local kind = ENDED[status] and 'done' or 'status'
  append(id, fence, 0, { '{"type":"' .. kind .. '","status":"' .. status .. '"}' })
  return fence
end

-- The waiting line. `queued:{model}` counts queued jobs by priority; only these three functions touch it.
local function enter_line(id, model, priority, place)
  redis.call('ZADD', model_key('wait', model), place, id)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

local function enter_line_later(id, model, priority, at)
  redis.call('ZADD', PREFIX .. 'delayed', at, id)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

-- What was taken out of the line goes back to its place; it was queued all the time.
local function line_up_again(id, model)
  local place = redis.call('HGET', job_key(id), 'place')
  if place then redis.call('ZADD', model_key('wait', model), place, id) end
end

local function leave_line(id, model, priority)
  redis.call('ZREM', model_key('wait', model), id)
  redis.call('ZREM', model_key('out', model), id)
  redis.call('ZREM', PREFIX .. 'delayed', id)
  redis.call('HINCRBY', model_key('queued', model), priority, -1)
end

-- Seconds after which a model's live workers end another job, as they have ended them lately; '' if none has ended one.
local function seconds_a_job(model, now)
  local slots, timed, seconds = 0, 0, 0
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', model_key('workers', model), stamp(now), '+inf')) do
    local worker = redis.call('HMGET', model_key('worker', name), 'slots', 'job_seconds')
    slots = slots + tonumber(worker[1] or '0')
    if tonumber(worker[2] or '0') > 0 then
      timed, seconds = timed + 1, seconds + tonumber(worker[2])
    end
  end
  if timed == 0 or slots == 0 then return '' end
  return string.format('%.6f', seconds / timed / slots)
end

-- What lists a job that has ended, until `tidy.lua` removes it.
local function listing(id, model, owner) return cjson.encode({ id, model, owner }) end

-- Remove an ended job from every list, and its record and stream.
local function erase(id, model, owner)
  redis.call('ZREM', PREFIX .. 'ended', listing(id, model, owner))
  redis.call('ZREM', PREFIX .. 'jobs:' .. owner, id)
  redis.call('ZREM', model_key('dlq', model), id)
  redis.call('DEL', job_key(id), PREFIX .. 'log:' .. id)
end

local function failure(code, message)
  return cjson.encode({ message = message, type = 'server_error', param = cjson.null, code = code })
end

-- Webhooks. `hook:{id}` is what is to be told of a job's end, `hooks:{origin}` lists by when it is due what goes to one
-- receiver, `hooks` the receivers by when to look at them, and `hooks:out` what has been published or is being sent, by
-- when it is due again if nothing more is heard of it.
local function hook_key(id) return PREFIX .. 'hook:' .. id end

local function wait_to_tell(id, origin, at)
  redis.call('ZADD', PREFIX .. 'hooks:' .. origin, at, id)
  redis.call('ZADD', PREFIX .. 'hooks', 'LT', at, origin)
end

-- What has not been told of a job will not be.
local function tell_nothing(id)
  local origin = redis.call('HGET', hook_key(id), 'origin')
  if origin then redis.call('ZREM', PREFIX .. 'hooks:' .. origin, id) end
  redis.call('ZREM', PREFIX .. 'hooks:out', id)
  redis.call('DEL', hook_key(id))
end

-- A copy of what a receiver is told, since the record may expire before it has been.
local function tell(id, fence, now)
  local told = { 'origin', 'webhook', 'model', 'operation', 'status', 'created_at', 'started_at', 'finished_at', 'claims',
    'timeout', 'metadata', 'error', 'usage' }
  local values = redis.call('HMGET', job_key(id), unpack(told))
  if not values[1] then return end
  local fields = { 'id', id, 'message', 'msg_' .. id .. '_' .. fence, 'attempts', '0' }
  for i, value in ipairs(values) do
    if value then
      fields[#fields + 1] = told[i]
      fields[#fields + 1] = value
    end
  end
  redis.call('DEL', hook_key(id))
  redis.call('HSET', hook_key(id), unpack(fields))
  wait_to_tell(id, values[1], stamp(now))
end

-- End a job: whoever held it loses it, it leaves every index of live jobs, and what it has in Redis begins to age.
-- What follows `now` are fields of its record and their values.
local function conclude(id, status, now, ...)
  local job = redis.call('HMGET', job_key(id), 'model', 'priority', 'status', 'ttl', 'owner', 'idem')
  local model, ttl = job[1], tonumber(job[4])
  if job[3] == 'queued' then leave_line(id, model, job[2]) end
  for _, kind in ipairs({ 'run', 'pend', 'due' }) do redis.call('ZREM', model_key(kind, model), id) end
  redis.call('SREM', live_key(job[5]), id)
  redis.call('SREM', model_key('small', model), id)
  redis.call('HSET', job_key(id), 'finished_at', stamp(now))
  if select('#', ...) > 0 then redis.call('HSET', job_key(id), ...) end
  redis.call('HINCRBY', model_key('totals', model), status, 1)
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
end

-- Whether a job is to blame for the death of the worker that held it.
-- job: {worker, fence, fails, proven, spare, spared}; most: deaths that end a job.
--
-- A worker that tries a suspect alone writes down which one, and then it was that one and no other. Else whatever it
-- held may be to blame, but for suspects, which wait for their trial, and for what had no slot as far as we know.
-- That is not known exactly, so the same job is spared three times at most.
local function to_blame(id, job, most)
  local on_trial = redis.call('GET', PREFIX .. 'trial:' .. (job.worker or ''))
  if on_trial then return on_trial == id end
  if job.fails >= most - 1 then return false end
  if job.spare == '1' and job.proven ~= job.fence and job.spared < 3 then
    redis.call('HINCRBY', job_key(id), 'spared', 1)
    return false
  end
  return true
end

-- Write down a death of which a job may be to blame; the deaths since its last new token, and its error if those are
-- too many. `found` says how the death was found.
local function blame(id, job, found, now)
  local deaths = cjson.decode(job.deaths or '[]')
  if #deaths >= 10 then table.remove(deaths, 1) end
  local alone = redis.call('GET', PREFIX .. 'trial:' .. (job.worker or '')) == id
  deaths[#deaths + 1] = { worker = job.worker or '?', at = math.floor(now), found = found, alone = alone }
  redis.call('HSET', job_key(id), 'fails', job.fails + 1, 'deaths', cjson.encode(deaths))
  local names = {}
  for i = math.max(1, #deaths - job.fails), #deaths do names[#names + 1] = deaths[i].worker end
  return job.fails + 1, failure('worker_died', #names .. ' workers died while they ran this job, without a new token between: '
    .. table.concat(names, ', ') .. (alone and '. The last one ran nothing else.' or '.'))
end

-- Take a running job from its worker and put it back at its old place in the line.
-- found: how the worker's death was found, or nil if it did not die. most: deaths that end a job.
local function give_back(id, now, found, most)
  local fields = { 'model', 'priority', 'place', 'worker', 'fence', 'fails', 'proven', 'spare', 'spared', 'deaths' }
  local job = {}
  for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(fields))) do job[fields[i]] = value or nil end
  job.fails, job.spared = tonumber(job.fails or '0'), tonumber(job.spared or '0')
  if found and to_blame(id, job, most) then
    local fails, error = blame(id, job, found, now)
    if fails >= most then
      bury(id, job.model, now, error)
      return 'failed'
    end
  end
  redis.call('ZREM', model_key('run', job.model), id)
  redis.call('HDEL', job_key(id), 'worker')
  enter_line(id, job.model, job.priority, job.place)
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
  redis.call('ZADD', model_key('run', job[3]), stamp(now + tonumber(holder[2])), id)
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
