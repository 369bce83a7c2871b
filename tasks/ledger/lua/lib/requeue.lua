--- @include "lib/blame"
--- @include "lib/clock"
--- @include "lib/count"
--- @include "lib/end"
--- @include "lib/line"
--- @include "lib/put_aside"
--- @include "lib/record"
--- @include "lib/running"
--- @include "lib/sentence"
--- @include "lib/settle"
--- @include "lib/strikes"
--- @include "lib/transition"

-- A job that was spared has had its turn by age: its owner pays for that, and it stands in the owner's lane again.
local function give_up_turn(id, model, now)
  if not redis.call('HGET', job_key(id), 'spared_seconds') then return end
  settle(id)
  redis.call('HSET', fair_share_key(model, 'low'), 'turn_at', stamp(now))
end

-- How the death of a worker was found. A parent that saw its process die says how; of others' deaths nobody knows.
local DEATHS = {
  crashed = 'its process crashed',
  killed = 'its process was killed',
  lease_expired = 'its lease ran out',
  worker_restarted = 'it started again',
}

-- Take a running job from its worker and put it back into the line.
-- reason: one of DEATHS, or why a worker that lives gives it back; most: crashes that end a job; how: what its parent
-- saw.
local function requeue(id, now, reason, most, how)
  local job = read(job_key(id), { 'model', 'priority', 'worker', 'fence', 'fails', 'kills', 'proven', 'spare', 'spared',
    'deaths' })
  for _, field in ipairs({ 'fails', 'kills', 'spared' }) do job[field] = tonumber(job[field] or '0') end
  count(job.model, 'given_back:' .. reason)
  local found, aside = DEATHS[reason], false
  if found and to_blame(id, job, most) then
    if how and how ~= '' then found = 'its process ' .. how end
    local error = blame(id, job, found, reason == 'crashed', now)
    if strikes(job) >= most * KILLS_PER_CRASH then
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
  if not (aside and put_aside(id, job.model, job.priority, now)) then enter_line(id, job.model, job.priority, now) end
  transition(id, 'queued', now, { 'reason', reason })
  redis.call('HDEL', job_key(id), 'worker')
  return 'queued'
end
