-- Cancel a job that has not ended. ARGV: id, owner or '' for any. Returns {'cancelled', model, status before, how many
-- workers the model has} or {status}.
even_if_full()
local id = ARGV[1]
local job = redis.call('HMGET', job_key(id), 'status', 'model', 'owner')
if not job[1] or (ARGV[2] ~= '' and job[3] ~= ARGV[2]) then return { 'unknown' } end
if ENDED[job[1]] then return { job[1] } end
conclude(id, 'cancelled', clock())
redis.call('PUBLISH', model_key('bell', job[2]), id)
local crew = redis.call('ZCOUNT', model_key('workers', job[2]), stamp(clock()), '+inf')
return { 'cancelled', job[2], job[1], tostring(crew) }
