--- @include "lib/clock"
--- @include "lib/end"
--- @include "lib/even_if_full"

-- Cancel a job that has not ended.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner  or '' for any
-- Output:
--   {'cancelled', model, status before, number of the model's live workers}
--   {'unknown'}
--   {status}, when it has ended
-- Events:
--   log: done
--   control_channel: id
local id, owner = ARGV[1], ARGV[2]
even_if_full()
local now = clock()
local status, model, whose = unpack(redis.call('HMGET', job_key(id), 'status', 'model', 'owner'))
if not status or (owner ~= '' and whose ~= owner) then return { 'unknown' } end
if ENDED[status] then return { status } end
conclude(id, 'cancelled', now)
redis.call('PUBLISH', control_channel(model), id)
local live_workers = redis.call('ZCOUNT', workers_key(model), stamp(now), '+inf')
return { 'cancelled', model, status, tostring(live_workers) }
