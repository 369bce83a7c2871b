-- Move jobs from the head of the line to `out`, as many as live workers have room for; the caller publishes them.
-- Where every job seems to kill its worker, one at a time is let through, later each time.
-- What needs no slot takes no room. `high` and `normal` jobs find room where `low` ones run, which give way to them.
-- ARGV: model, seconds after which a line's turn comes by its age, how many jobs that need no slot are out at once.
-- Returns the ids.
even_if_full()
local model, ageing_seconds, now = ARGV[1], tonumber(ARGV[2]), clock()
if redis.call('GET', model_key('state', model)) == 'paused' then return {} end
local crew = redis.call('ZRANGEBYSCORE', model_key('workers', model), stamp(now), '+inf')
if #crew == 0 then return {} end

local out, run = model_key('out', model), model_key('run', model)
local small = redis.call('SCARD', model_key('small', model))
local room = small - redis.call('ZCARD', out) - redis.call('ZCARD', run)
for _, name in ipairs(crew) do
  room = room + tonumber(redis.call('HGET', model_key('worker', name), 'capacity') or '0')
end
local giving_way = redis.call('ZCOUNT', model_key('yield', model), '-inf', stamp(now))

local ids = {}
local function publish(id)
  ids[#ids + 1] = id
  redis.call('ZADD', out, stamp(now), id)
end

for _ = small + 1, tonumber(ARGV[3]) do
  local id = take_turn(model, 'small', now)
  if not id then break end
  redis.call('SADD', model_key('small', model), id)
  publish(id)
end
while true do
  local line, by_age = next_line(model, now, ageing_seconds)
  if not line or room + (line == 'low' and 0 or giving_way) <= 0 then break end
  if in_trouble(model) and not may_try(model, now) then break end
  local id = take_turn(model, line, now)
  if id then
    if by_age and line == 'low' then redis.call('HSET', job_key(id), 'spared_seconds', ARGV[2]) end
    publish(id)
    room = room - 1
  end
end
return ids
