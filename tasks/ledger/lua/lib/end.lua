--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/line"
--- @include "lib/listing"
--- @include "lib/meter"
--- @include "lib/results"
--- @include "lib/running"
--- @include "lib/settle"
--- @include "lib/transition"
--- @include "lib/webhook_add"

-- End a job: whoever held it loses it, it leaves every index of live jobs, and what it has in Redis begins to age.
-- What follows `now` are fields of its record and their values.
local function conclude(id, status, now, ...)
  local job = redis.call('HMGET', job_key(id), 'model', 'priority', 'status', 'ttl', 'owner', 'idem',
    'result_bytes')
  check_transition(id, job[3], status)  -- before anything is written
  local model, ttl = job[1], tonumber(job[4])
  if job[3] == 'queued' then leave_line(id, model, job[2]) end
  stop_running(id, model)
  redis.call('ZREM', pending_key(model), id)
  redis.call('ZREM', due_key(model), id)
  redis.call('SREM', in_flight_key(job[5]), id)
  redis.call('SREM', slotless_key(model), id)
  redis.call('HSET', job_key(id), 'finished_at', stamp(now))
  if select('#', ...) > 0 then redis.call('HSET', job_key(id), ...) end
  settle(id)
  settle_tokens(id, now)
  count_job(model, status, job[2])
  local is_told = tell(id, transition(id, status, now), now)
  redis.call('ZADD', ended_key(), stamp(now + ttl), listing(id, model, job[5]))
  redis.call('EXPIRE', job_key(id), ttl)
  redis.call('EXPIRE', log_key(id), ttl)
  if job[6] then redis.call('EXPIRE', job[6], ttl) end
  count_result(id, job[5], job[6], ttl, job[7], now, is_told)
end

-- End a job that workers die of.
local function bury(id, model, now, error)
  conclude(id, 'failed', now, 'error', error)
  redis.call('ZADD', dead_letters_key(model), stamp(now), id)
  count(model, 'dead_letters')
end
