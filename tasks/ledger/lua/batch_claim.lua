-- Work on a batch that was posted: a new fence, and a lease. ARGV: id, clerk, lease seconds, the oldest and
-- newest version that is read.
-- Returns {fence, field, value ...}; nothing if it is not posted, worked on by another, or of another version.

-- A batch that this clerk cannot read is looked at again after so long.
local LEFT_SECONDS = 5

even_if_full()
local id, key, held = ARGV[1], PREFIX .. 'batch:' .. ARGV[1], PREFIX .. 'bulk:held'
if not redis.call('ZSCORE', held, id) or redis.call('HEXISTS', key, 'clerk') == 1 then return {} end
if not readable(redis.call('HGET', key, 'v'), ARGV[4], ARGV[5]) then  -- for a newer clerk
  redis.call('ZREM', held, id)
  redis.call('ZADD', PREFIX .. 'bulk:line', stamp(clock() + LEFT_SECONDS), id)
  return {}
end
redis.call('HSET', key, 'clerk', ARGV[2])
local fence = redis.call('HINCRBY', key, 'fence', 1)
redis.call('ZADD', held, stamp(clock() + tonumber(ARGV[3])), id)
return { fence, unpack(redis.call('HGETALL', key)) }
