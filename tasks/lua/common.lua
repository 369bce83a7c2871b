-- Shared by every script of the ledger: `tasks/job_store.py` puts this text before each of them.
-- Keys are built here, not passed: the ledger lives on one Redis primary, never on a cluster.

local PREFIX = 'caravan:'
local ENDED = { succeeded = true, failed = true, cancelled = true, expired = true }

local function job_key(id) return PREFIX .. 'job:' .. id end
local function model_key(kind, model) return PREFIX .. kind .. ':' .. model end

-- Seconds since the epoch on the clock of Redis, the only clock that decides anything.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

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

-- The waiting line. `queued:{model}` counts queued jobs by priority; only these two functions touch it.
local function enter_line(id, model, priority, place)
  redis.call('ZADD', model_key('wait', model), place, id)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

local function leave_line(id, model, priority)
  redis.call('ZREM', model_key('wait', model), id)
  redis.call('ZREM', model_key('out', model), id)
  redis.call('HINCRBY', model_key('queued', model), priority, -1)
end

-- End a job: whoever held it loses it, it leaves every index of live jobs, and its record begins to age.
local function conclude(id, status, now, field, value)
  local job = redis.call('HMGET', job_key(id), 'model', 'priority', 'status', 'ttl')
  local model = job[1]
  if job[3] == 'queued' then leave_line(id, model, job[2]) end
  for _, kind in ipairs({ 'run', 'pend', 'due' }) do redis.call('ZREM', model_key(kind, model), id) end
  redis.call('HSET', job_key(id), 'finished_at', stamp(now))
  if field then redis.call('HSET', job_key(id), field, value) end
  redis.call('HINCRBY', model_key('totals', model), status, 1)
  turn(id, status, now)
  redis.call('EXPIRE', job_key(id), job[4])
  redis.call('EXPIRE', PREFIX .. 'log:' .. id, job[4])
end

-- Take a running job from its worker and put it back at its old place in the line.
-- `blame` is 1 when the worker died with it. A job that was blamed too often is failed instead.
local function give_back(id, blame, now, max_fails)
  local job = redis.call('HMGET', job_key(id), 'model', 'priority', 'place', 'worker')
  local model = job[1]
  local fails = redis.call('HINCRBY', job_key(id), 'fails', blame)
  if fails >= max_fails then
    local message = 'The worker died ' .. fails .. ' times while it ran this job, the last time on ' .. (job[4] or '?') .. '.'
    local error = { message = message, type = 'server_error', param = cjson.null, code = 'engine_failure' }
    conclude(id, 'failed', now, 'error', cjson.encode(error))
    redis.call('ZADD', model_key('dlq', model), stamp(now), id)
    return 'failed'
  end
  redis.call('ZREM', model_key('run', model), id)
  redis.call('HDEL', job_key(id), 'worker')
  enter_line(id, model, job[2], job[3])
  turn(id, 'queued', now)
  return 'queued'
end
