-- Shared by every script of the ledger: `tasks/ledger/scripts.py` puts the texts of this folder before each of them.
-- Keys are built here, not passed: the ledger lives on one Redis primary, never on a cluster.

local PREFIX = 'caravan:'
local ENDED = { succeeded = true, failed = true, cancelled = true, expired = true }

local function job_key(id) return PREFIX .. 'job:' .. id end
local function model_key(kind, model) return PREFIX .. kind .. ':' .. model end

-- Whether a record is of a version between the oldest and the newest that its reader knows.
local function readable(version, oldest, newest)
  version = tonumber(version or '')
  return version and version >= tonumber(oldest) and version <= tonumber(newest)
end

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
