--- @include "lib/answers"
--- @include "lib/clock"
--- @include "lib/end"
--- @include "lib/erase"
--- @include "lib/even_if_full"
--- @include "lib/webhook_drop"

-- Remove a job and everything it left; one that has not ended is cancelled first, so that whoever follows it is told.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner  or '' for any
-- Output:
--   {status before, model}
--   {'unknown'}
-- Events:
--   log: done, unless it has ended
--   control_channel: id, unless it has ended
local id, owner = ARGV[1], ARGV[2]
even_if_full()
local status, model, whose, idem, answer =
  unpack(redis.call('HMGET', job_key(id), 'status', 'model', 'owner', 'idem', 'answer'))
if not status or (owner ~= '' and whose ~= owner) then return { 'unknown' } end
if not ENDED[status] then
  conclude(id, 'cancelled', clock())
  redis.call('PUBLISH', control_channel(model), id)
end
if idem and redis.call('HGET', idem, 'job') == id then redis.call('DEL', idem) end
drop_answer(id, whose, answer)
erase(id, model, whose)
tell_nothing(id)
return { status, model }
