--- @include "lib/crew"

-- Seconds after which a model's live workers end another job, as they have ended them lately; '' if none has ended one.
local function seconds_a_job(model, now)
  local crew = crew_of(model, now)
  if crew.timed == 0 or crew.slots == 0 then return '' end
  return string.format('%.6f', crew.job_micros / 1000000 / crew.timed / crew.slots)
end
