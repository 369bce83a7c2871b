--- @include "lib/clock"
--- @include "lib/line"

-- Have a job wait for another one's token: 1 second, then 2, 4, 8; false, and it stands nowhere, if it has waited for
-- all of them.
local function put_aside(id, model, priority, now)
  local times = redis.call('HINCRBY', job_key(id), 'aside', 1)
  if times > 4 then return false end
  enter_line_later(id, model, priority, stamp(now + 2 ^ (times - 1)))
  return true
end
