-- Move jobs from the head of the line to `out`, as many as live workers have room for; the caller publishes them.
-- ARGV: model, how many beyond that if a worker lives. Returns the ids.
even_if_full()
local model, now = ARGV[1], clock()
if redis.call('GET', model_key('state', model)) == 'paused' then return {} end
local crew = redis.call('ZRANGEBYSCORE', model_key('workers', model), stamp(now), '+inf')
if #crew == 0 then return {} end
local out, run = model_key('out', model), model_key('run', model)
local room = -redis.call('ZCARD', out) - redis.call('ZCARD', run)
for _, name in ipairs(crew) do
  room = room + tonumber(redis.call('HGET', model_key('worker', name), 'capacity') or '0')
end
for _, id in ipairs(redis.call('SMEMBERS', model_key('small', model))) do  -- they take no room
  if redis.call('ZSCORE', out, id) or redis.call('ZSCORE', run, id) then room = room + 1 end
end
room = math.max(room, 0) + tonumber(ARGV[2])
if room == 0 then return {} end
local ids = {}
local head = redis.call('ZPOPMIN', model_key('wait', model), room)
for i = 1, #head, 2 do
  ids[#ids + 1] = head[i]
  redis.call('ZADD', out, stamp(now), head[i])
end
return ids
