--- @include "lib/clock"

-- Seconds after which a model's live workers end another job, as they have ended them lately; '' if none has ended one.
local function seconds_a_job(model, now)
  local slots, timed, seconds = 0, 0, 0
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', workers_key(model), stamp(now), '+inf')) do
    local worker = redis.call('HMGET', worker_key(name), 'slots', 'job_seconds')
    slots = slots + tonumber(worker[1] or '0')
    if tonumber(worker[2] or '0') > 0 then
      timed, seconds = timed + 1, seconds + tonumber(worker[2])
    end
  end
  if timed == 0 or slots == 0 then return '' end
  return string.format('%.6f', seconds / timed / slots)
end
