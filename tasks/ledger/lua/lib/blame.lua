--- @include "lib/failure"
--- @include "lib/strikes"

-- Whether a job is to blame for the death of the worker that held it.
-- job: {worker, fence, fails, kills, proven, spare, spared}; most: crashes that end a job.
--
-- A worker that tries a suspect alone writes down which one, and then it was that one and no other. Else whatever it
-- held may be to blame, but for suspects, which wait for their trial, and for what had no slot as far as we know.
-- That is not known exactly, so the same job is spared three times at most.
local function to_blame(id, job, most)
  local on_trial = redis.call('GET', trial_key(job.worker or ''))
  if on_trial then return on_trial == id end
  if strikes(job) >= (most - 1) * KILLS_PER_CRASH then return false end
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
  local alone = redis.call('GET', trial_key(job.worker or '')) == id
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
