--- @include "lib/clock"

-- What traces tell of jobs: the transitions that end a wait, an attempt or a job, of jobs whose record has a `trace`.
-- Any process that exports traces takes them (`tasks/ledger/traced.py`). While none does, the last ones are kept.

local MOST_TRACED, TRACED_SECONDS = 10000, 3600
local TRACED = { 'trace', 'worker', 'claims', 'model', 'operation', 'priority', 'place', 'error', 'last_error', 'usage',
  'finish_reasons', 'request_id' }

-- A job was `from` since the transition of the fence `since`, and is `to` now. why: the reason for which it was given
-- back, if it was.
local function note_transition(id, from, to, since, now, why)
  local noted = { id = id, from = from, to = to, since = since, at = stamp(now), why = why }
  local values = redis.call('HMGET', job_key(id), unpack(TRACED))
  for i, field in ipairs(TRACED) do noted[field] = values[i] or nil end
  redis.call('RPUSH', traced_key(), cjson.encode(noted))
  redis.call('LTRIM', traced_key(), -MOST_TRACED, -1)
  redis.call('EXPIRE', traced_key(), TRACED_SECONDS)
end
