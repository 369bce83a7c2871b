-- Choose batches for which there is room; the caller publishes them.
-- `bulk:line` has those that no clerk works on, by when they were last worked on or when to look at them again, and
-- `bulk:held` those that are published or worked on, by when they go back if nothing more is heard of them.
-- ARGV: how many may be worked on at once, seconds that a message may stay unclaimed. Returns their ids.
even_if_full()
local now, line, held, ids = clock(), PREFIX .. 'bulk:line', PREFIX .. 'bulk:held', {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', held, '-inf', stamp(now))) do
  redis.call('ZREM', held, id)
  if redis.call('EXISTS', PREFIX .. 'batch:' .. id) == 1 then
    redis.call('HINCRBY', PREFIX .. 'batch:' .. id, 'fence', 1)  -- a clerk that was silent for so long has lost it
    redis.call('ZADD', line, stamp(now), id)
  end
end
local room = tonumber(ARGV[1]) - redis.call('ZCARD', held)
if room <= 0 then return ids end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', line, '-inf', stamp(now), 'LIMIT', 0, room)) do
  redis.call('ZREM', line, id)
  redis.call('ZADD', held, stamp(now + tonumber(ARGV[2])), id)
  redis.call('HDEL', PREFIX .. 'batch:' .. id, 'clerk')
  ids[#ids + 1] = id
end
return ids
