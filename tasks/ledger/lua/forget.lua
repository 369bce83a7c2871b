-- Remove a job and everything it left; one that has not ended is cancelled first, so that whoever follows it is told.
-- ARGV: id, owner or '' for any. Returns {status before, model}, or {'unknown'} if there is no such job any more.
even_if_full()
local id = ARGV[1]
local status, model, owner, idem = unpack(redis.call('HMGET', job_key(id), 'status', 'model', 'owner', 'idem'))
if not status or (ARGV[2] ~= '' and owner ~= ARGV[2]) then return { 'unknown' } end
if not ENDED[status] then
  conclude(id, 'cancelled', clock())
  redis.call('PUBLISH', model_key('bell', model), id)
end
if idem and redis.call('HGET', idem, 'job') == id then redis.call('DEL', idem) end
erase(id, model, owner)
tell_nothing(id)
return { status, model }
