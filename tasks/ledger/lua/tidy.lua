-- What belongs to no single model: put off jobs that are due go to the line; what ended long ago leaves every list.
-- ARGV: how many of each at most. Returns {jobs that went to the line, jobs that were forgotten}.
even_if_full()
local at, limit = clock(), ARGV[1]
local now = stamp(at)

local due = redis.call('ZRANGEBYSCORE', PREFIX .. 'delayed', '-inf', now, 'LIMIT', 0, limit)
for _, id in ipairs(due) do
  redis.call('ZREM', PREFIX .. 'delayed', id)
  enter_lane(id, at)
end

local old = redis.call('ZRANGEBYSCORE', PREFIX .. 'ended', '-inf', now, 'LIMIT', 0, limit)
for _, listed in ipairs(old) do erase(unpack(cjson.decode(listed))) end
return { #due, #old }
