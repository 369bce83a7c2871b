--- @include "lib/account"
--- @include "lib/clock"
--- @include "lib/lanes"
--- @include "lib/record"

-- Give a queued job another priority; it has waited as long as before. What its owner was charged with goes along.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner     or '' for any
--   ARGV[3]  priority
-- Output:
--   {'changed', model}
--   {'unknown'}
--   {status}, when it is not queued
-- Events: none
local id, owner, priority = ARGV[1], ARGV[2], ARGV[3]
local job = read(job_key(id), { 'status', 'model', 'owner', 'priority', 'line', 'charged', 'weight' })
if not job.status or (owner ~= '' and job.owner ~= owner) then return { 'unknown' } end
if job.status ~= 'queued' then return { job.status } end
if job.priority == priority then return { 'changed', job.model } end

local model, line = job.model, job.line == SLOTLESS and SLOTLESS or priority
local stands = leave_lane(id)
redis.call('HSET', job_key(id), 'priority', priority, 'line', line)
if job.charged and line ~= job.line then
  local had = tonumber(job.charged) / weight_of(job.weight)
  charge(model, job.line, job.owner, -had)
  charge(model, line, job.owner, had)
end
if stands then enter_lane(id, clock()) end
redis.call('HINCRBY', queued_by_priority_key(model), job.priority, -1)
redis.call('HINCRBY', queued_by_priority_key(model), priority, 1)
return { 'changed', model }
