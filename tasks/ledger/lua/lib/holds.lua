--- @include "lib/charge_turn"
--- @include "lib/clock"
--- @include "lib/computed_with"
--- @include "lib/line"
--- @include "lib/running"
--- @include "lib/transition"

-- Whether a job is the holder's, and the job's status. holder: {worker, lease seconds, digests of the model's files}.
--
-- A fence above the job's own is one that Redis has forgotten: it came back, or its replica took over, without its last
-- moments. The worker knows better, unless another has claimed the job since, and its claim is written again: under the
-- worker's fence, and from 'queued', which the job was before every claim, forgotten or not.
local function holds(id, fence, holder)
  local job = redis.call('HMGET', job_key(id), 'fence', 'status', 'model', 'priority', 'adapters')
  if job[1] == fence then return job[2] == 'running', job[2] end
  if not job[1] or ENDED[job[2]] or tonumber(job[1]) > tonumber(fence) then return false, job[2] or 'unknown' end
  local now = clock()
  if job[2] == 'queued' then leave_line(id, job[3], job[4]) end
  redis.call('HSET', job_key(id), 'worker', holder[1], 'model_digest', computed_with(holder[3], job[5]))
  redis.call('HSETNX', job_key(id), 'started_at', stamp(now))
  redis.call('HINCRBY', job_key(id), 'claims', 1)
  charge_turn(id)
  start_running(id, job[3], now, holder[2])
  has_slot(id, job[3], now)
  set_status(id, 'queued', 'running', fence, { 'worker', holder[1] })
  return true, 'running'
end
