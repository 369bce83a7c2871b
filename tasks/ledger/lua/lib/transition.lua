--- @include "lib/event"
--- @include "lib/traced"

-- What may become of a job. TRANSITIONS is Python's table: which status may follow which; '' is that of no job.

-- Raise an error unless a job's status may follow the one that it has. from: nil or false for a job that is not there.
local function check_transition(id, from, status)
  local after = TRANSITIONS[from or '']
  if after and after[status] then return end
  error('job ' .. id .. ' is ' .. (from or 'not there') .. ', and cannot become ' .. status, 0)
end

local QUEUED = '{"type":"status","status":"queued"}'

-- Write a status that is allowed, and the fence of this transition; say so in the job's stream. told: what else is to
-- be said of it, a name and a text, or nothing.
--
-- A job has no stream before it has begun or ended: Redis allots kilobytes for the first entry, and readers know from
-- the record that the job is queued (`tasks/ledger/event_stream.py`). What comes next writes that first.
local function set_status(id, from, status, fence, told)
  check_transition(id, from, status)
  local waits = (from == 'queued' or status == 'queued') and redis.call('EXISTS', log_key(id)) == 0
  if waits and from == 'queued' then
    redis.call('XADD', log_key(id), redis.call('HGET', job_key(id), 'fence') .. '-0', 'e', QUEUED)
  end
  redis.call('HSET', job_key(id), 'fence', fence, 'status', status)
  if waits and status == 'queued' then return end
  local kind = ENDED[status] and 'done' or 'status'
  local more = told and ',"' .. told[1] .. '":' .. cjson.encode(told[2]) or ''
  local _, message = append(id, fence, 0, { '{"type":"' .. kind .. '","status":"' .. status .. '"' .. more .. '}' })
  if kind == 'done' then redis.call('PUBLISH', end_channel(id), message) end
end

-- Move a job to a status: raise its fence, so that an earlier claim's writes are refused. Returns the fence.
local function transition(id, status, now, told)
  local from, since, trace = unpack(redis.call('HMGET', job_key(id), 'status', 'fence', 'trace'))
  local fence = string.format('%.0f', math.max(tonumber(since or '0') + 1, math.floor(now * 1000)))
  set_status(id, from, status, fence, told)
  if trace and not ENDED[from] then
    note_transition(id, from, status, since, now, told and told[1] == 'reason' and told[2] or nil)
  end
  return fence
end
