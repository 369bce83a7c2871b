--- @include "lib/clock"

-- Accept a batch over a file, and put it into the line of batches.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner
--   ARGV[3]  input
--   ARGV[4]  file_owner  whose file it has to be, or '' for any
--   ARGV[5]  seconds     until it expires
--   ARGV[6..]  the record's fields and values
-- Output:
--   'created'
--   'unknown', for the file
--   'purpose', if it is no input
-- Events: none
local id, owner, input, file_owner, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local now, file = clock(), file_key(input)
local whose, purpose = unpack(redis.call('HMGET', file, 'owner', 'purpose'))
if not whose or (file_owner ~= '' and whose ~= file_owner) then return 'unknown' end
if purpose ~= 'batch' then return 'purpose' end
redis.call('HSET', batch_key(id), 'id', id, 'owner', owner, 'input_file_id', input, 'status', 'validating',
  'created_at', stamp(now), 'expires_at', stamp(now + seconds), 'fence', 0, unpack(ARGV, 6))
redis.call('HINCRBY', file, 'uses', 1)
redis.call('ZADD', batches_key(owner), stamp(now), id)
redis.call('ZADD', waiting_batches_key(), stamp(now), id)
return 'created'
