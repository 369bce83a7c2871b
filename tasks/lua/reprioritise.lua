-- Give a queued job another priority; it has waited as long as before. ARGV: id, owner or '' for any, priority.
-- Returns {'changed', model} or {status}.
local id, owner, priority = ARGV[1], ARGV[2], ARGV[3]
local job = redis.call('HMGET', job_key(id), 'status', 'model', 'owner', 'priority', 'line')
if not job[1] or (owner ~= '' and job[3] ~= owner) then return { 'unknown' } end
if job[1] ~= 'queued' then return { job[1] } end
local model, before, line = job[2], job[4], job[5]
local stands = leave_lane(id)
if stands then refund(id) end
redis.call('HSET', job_key(id), 'priority', priority, 'line', line == 'small' and line or priority)
if stands then enter_lane(id, clock()) end
redis.call('HINCRBY', model_key('queued', model), before, -1)
redis.call('HINCRBY', model_key('queued', model), priority, 1)
return { 'changed', model }
