-- Forget a file, unless a batch that has not ended works with it. ARGV: id, owner or '' for any.
-- Returns {'deleted', its parts}, {'used'} or {'unknown'}.
even_if_full()
local key = PREFIX .. 'file:' .. ARGV[1]
local owner, uses, parts = unpack(redis.call('HMGET', key, 'owner', 'uses', 'parts'))
if not owner or (ARGV[2] ~= '' and owner ~= ARGV[2]) then return { 'unknown' } end
if tonumber(uses) > 0 then return { 'used' } end
redis.call('DEL', key)
redis.call('ZREM', PREFIX .. 'files:' .. owner, ARGV[1])
redis.call('ZREM', PREFIX .. 'files:old', ARGV[1])
return { 'deleted', parts }
