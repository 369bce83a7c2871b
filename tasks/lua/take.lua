-- Move jobs from the head of the line to `out`, as many as live workers have room for; the caller publishes them.
-- ARGV: model, how many beyond that. Returns the ids.
even_if_full()
local model, now = ARGV[1], clock()
local room = -redis.call('ZCARD', model_key('out', model)) - redis.call('ZCARD', model_key('run', model))
for _, name in ipairs(redis.call('ZRANGEBYSCORE', model_key('workers', model), stamp(now), '+inf')) do
  room = room + tonumber(redis.call('HGET', model_key('worker', name), 'capacity') or '0')
end
room = math.max(room, 0) + tonumber(ARGV[2])
if room == 0 then return {} end
local ids = {}
local head = redis.call('ZPOPMIN', model_key('wait', model), room)
for i = 1, #head, 2 do
  ids[#ids + 1] = head[i]
  redis.call('ZADD', model_key('out', model), stamp(now), head[i])
end
return ids
