--- @include "lib/clock"
--- @include "lib/erase"
--- @include "lib/even_if_full"
--- @include "lib/lanes"
--- @include "lib/results"

-- What belongs to no single model: put off jobs that are due go to the line; what ended long ago leaves every list.
--
-- Input:
--   ARGV[1]  limit  of each
-- Output:
--   {jobs that went to the line, jobs that were forgotten}
-- Events: none
local limit = ARGV[1]
even_if_full()
local at = clock()
local now = stamp(at)

local due = redis.call('ZRANGEBYSCORE', delayed_key(), '-inf', now, 'LIMIT', 0, limit)
for _, id in ipairs(due) do
  redis.call('ZREM', delayed_key(), id)
  enter_lane(id, at)
end

local old = redis.call('ZRANGEBYSCORE', ended_key(), '-inf', now, 'LIMIT', 0, limit)
for _, listed in ipairs(old) do
  local id, model, owner = unpack(cjson.decode(listed))
  erase(id, model, owner)
  local first = redis.call('ZRANGE', results_key(owner), 0, 0)[1]  -- a release that does not count may have removed it
  if first and redis.call('EXISTS', job_key(first)) == 0 then uncount_job(first, owner) end
end
return { #due, #old }
