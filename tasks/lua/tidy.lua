-- What belongs to no single model: put off jobs that are due go to the line; what ended long ago leaves every list.
-- ARGV: how many of each at most. Returns {jobs that went to the line, jobs that were forgotten}.
even_if_full()
local now, limit = stamp(clock()), ARGV[1]

local due = redis.call('ZRANGEBYSCORE', PREFIX .. 'delayed', '-inf', now, 'LIMIT', 0, limit)
for _, id in ipairs(due) do
  redis.call('ZREM', PREFIX .. 'delayed', id)
  local model = redis.call('HGET', job_key(id), 'model')
  if model then line_up_again(id, model) end
end

local old = redis.call('ZRANGEBYSCORE', PREFIX .. 'ended', '-inf', now, 'LIMIT', 0, limit)
for _, listed in ipairs(old) do erase(unpack(cjson.decode(listed))) end
return { #due, #old }
