-- Put a batch back into the line. ARGV: id, fence, seconds until it is looked at again. Returns 1, or 0 if it is lost.
even_if_full()
local id, key, now = ARGV[1], PREFIX .. 'batch:' .. ARGV[1], clock()
local fence, paused, expires, status = unpack(redis.call('HMGET', key, 'fence', 'paused_at', 'expires_at', 'status'))
if fence ~= ARGV[2] then return 0 end
redis.call('HINCRBY', key, 'fence', 1)
redis.call('HDEL', key, 'clerk')
redis.call('ZREM', PREFIX .. 'bulk:held', id)
local at = paused and status ~= 'cancelling' and math.max(now, tonumber(expires)) or now + tonumber(ARGV[3])
redis.call('ZADD', PREFIX .. 'bulk:line', stamp(at), id)
return 1
