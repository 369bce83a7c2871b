-- Hold a published webhook while it is sent. ARGV: id of the job, seconds after which it is sent again unless settled.
-- Returns field, value ... of what is to be told; nothing if it is settled, held by another or put off.
even_if_full()
local id, out = ARGV[1], PREFIX .. 'hooks:out'
if not redis.call('ZSCORE', out, id) then return {} end
if redis.call('EXISTS', hook_key(id)) == 0 then
  redis.call('ZREM', out, id)
  redis.call('ZREM', PREFIX .. 'hooks:pending', id)
  return {}
end
if redis.call('HSETNX', hook_key(id), 'held', 1) == 0 then return {} end
redis.call('HINCRBY', hook_key(id), 'calls', 1)
redis.call('ZADD', out, stamp(clock() + tonumber(ARGV[2])), id)
return redis.call('HGETALL', hook_key(id))
