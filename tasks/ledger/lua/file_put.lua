-- Keep the record of a file that lies in the store. ARGV: id, owner, seconds until it expires or '', then the record's
-- fields and values. Returns when it was made.
local id, owner, now = ARGV[1], ARGV[2], clock()
redis.call('HSET', PREFIX .. 'file:' .. id, 'id', id, 'owner', owner, 'created_at', stamp(now), 'uses', 0, unpack(ARGV, 4))
redis.call('ZADD', PREFIX .. 'files:' .. owner, stamp(now), id)
if ARGV[3] ~= '' then
  local at = stamp(now + tonumber(ARGV[3]))
  redis.call('HSET', PREFIX .. 'file:' .. id, 'expires_at', at)
  redis.call('ZADD', PREFIX .. 'files:old', at, id)
end
return stamp(now)
