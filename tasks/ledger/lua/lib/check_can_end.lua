--- @include "lib/holds"
--- @include "lib/last_seq"

-- Why a worker may not end a job that it has sent so many events of; nil if it may. The same call again, after a lost
-- reply, is 'ok'.
local function check_can_end(id, fence, holder, num_events)
  if redis.call('HGET', job_key(id), 'ended_under') == fence then return 'ok' end
  local held, status = holds(id, fence, holder)
  if not held then return status end
  if last_seq(id, fence) < num_events then return 'gap' end
  redis.call('HSET', job_key(id), 'ended_under', fence)
end
