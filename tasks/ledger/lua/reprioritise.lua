-- Give a queued job another priority; it has waited as long as before. What its owner was charged with goes along.
-- ARGV: id, owner or '' for any, priority. Returns {'changed', model} or {status}.
local id, owner, priority = ARGV[1], ARGV[2], ARGV[3]
local fields = { 'status', 'model', 'owner', 'priority', 'line', 'charged', 'weight' }
local job = {}
for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(fields))) do job[fields[i]] = value or nil end
if not job.status or (owner ~= '' and job.owner ~= owner) then return { 'unknown' } end
if job.status ~= 'queued' then return { job.status } end
if job.priority == priority then return { 'changed', job.model } end

local model, line = job.model, job.line == 'small' and 'small' or priority
local stands = leave_lane(id)
redis.call('HSET', job_key(id), 'priority', priority, 'line', line)
if job.charged and line ~= job.line then
  local had = tonumber(job.charged) / weight_of(job.weight)
  charge(model, job.line, job.owner, -had)
  charge(model, line, job.owner, had)
end
if stands then enter_lane(id, clock()) end
redis.call('HINCRBY', model_key('queued', model), job.priority, -1)
redis.call('HINCRBY', model_key('queued', model), priority, 1)
return { 'changed', model }
