-- Accept a batch over a file, and put it into the line of batches.
-- ARGV: id, owner, id of the input file, whose file it has to be or '' for any, seconds until it expires, then the
--       record's fields and values. Returns 'created', 'unknown' for the file, or 'purpose' if it is no input.
local id, owner, file, now = ARGV[1], ARGV[2], PREFIX .. 'file:' .. ARGV[3], clock()
local whose, purpose = unpack(redis.call('HMGET', file, 'owner', 'purpose'))
if not whose or (ARGV[4] ~= '' and whose ~= ARGV[4]) then return 'unknown' end
if purpose ~= 'batch' then return 'purpose' end
redis.call('HSET', PREFIX .. 'batch:' .. id, 'id', id, 'owner', owner, 'input_file_id', ARGV[3], 'status', 'validating',
  'created_at', stamp(now), 'expires_at', stamp(now + tonumber(ARGV[5])), 'fence', 0, unpack(ARGV, 6))
redis.call('HINCRBY', file, 'uses', 1)
redis.call('ZADD', PREFIX .. 'batches:' .. owner, stamp(now), id)
redis.call('ZADD', PREFIX .. 'bulk:line', stamp(now), id)
return 'created'
