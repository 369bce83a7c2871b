-- Give a queued job another priority; it has waited as long as before. ARGV: id, owner or '' for any, priority, then each
-- priority and its ageing seconds. Returns {'changed', model} or {status}.
local id, owner, priority = ARGV[1], ARGV[2], ARGV[3]
local job = redis.call('HMGET', job_key(id), 'status', 'model', 'owner', 'priority', 'place')
if not job[1] or (owner ~= '' and job[3] ~= owner) then return { 'unknown' } end
if job[1] ~= 'queued' then return { job[1] } end
local ageing = {}
for i = 4, #ARGV, 2 do ageing[ARGV[i]] = tonumber(ARGV[i + 1]) end
local model, before = job[2], job[4]
local place = stamp(tonumber(job[5]) + ageing[priority] - ageing[before])
redis.call('HSET', job_key(id), 'priority', priority, 'place', place)
redis.call('ZADD', model_key('wait', model), 'XX', place, id)
redis.call('HINCRBY', model_key('queued', model), before, -1)
redis.call('HINCRBY', model_key('queued', model), priority, 1)
return { 'changed', model }
