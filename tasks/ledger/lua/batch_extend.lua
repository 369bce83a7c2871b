-- Extend a clerk's lease on a batch. ARGV: id, fence, lease seconds.
-- Returns {status, 1 if it is paused, 1 if its time is over, how many batches wait for a clerk}, or {'lost'}.
even_if_full()
local id, key, now = ARGV[1], PREFIX .. 'batch:' .. ARGV[1], clock()
local fence, status, paused, expires = unpack(redis.call('HMGET', key, 'fence', 'status', 'paused_at', 'expires_at'))
if fence ~= ARGV[2] then return { 'lost' } end
redis.call('ZADD', PREFIX .. 'bulk:held', stamp(now + tonumber(ARGV[3])), id)
local waiting = redis.call('ZCOUNT', PREFIX .. 'bulk:line', '-inf', stamp(now))
return { status, paused and 1 or 0, tonumber(expires) <= now and 1 or 0, waiting }
