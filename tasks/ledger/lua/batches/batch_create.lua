--- @include "lib/clock"

-- Accept a batch over a file, and put it into the line of batches. Of more batches than an owner may have, those
-- that were made first and have ended are forgotten.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner
--   ARGV[3]  input
--   ARGV[4]  file_owner  whose file it has to be, or '' for any
--   ARGV[5]  seconds     until it expires
--   ARGV[6]  most        batches of the owner
--   ARGV[7..]  the record's fields and values
-- Output:
--   'created'
--   'unknown', for the file
--   'purpose', if it is no input
--   'many', if the owner has so many that have not ended
-- Events: none
local id, owner, input, file_owner, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local most = tonumber(ARGV[6])
-- Of an owner's batches so many are looked at for those that have ended.
local MOST_LOOKED_AT = 500
local now, file = clock(), file_key(input)
local whose, purpose = unpack(redis.call('HMGET', file, 'owner', 'purpose'))
if not whose or (file_owner ~= '' and whose ~= file_owner) then return 'unknown' end
if purpose ~= 'batch' then return 'purpose' end

local owned = batches_key(owner)
local surplus, ended = redis.call('ZCARD', owned) + 1 - most, {}
for _, each in ipairs(surplus > 0 and redis.call('ZRANGE', owned, 0, MOST_LOOKED_AT - 1) or {}) do
  if #ended == surplus then break end
  if redis.call('ZSCORE', old_batches_key(), each) then ended[#ended + 1] = each end
end
if surplus > 0 and #ended == 0 then return 'many' end

-- The first write is one that full memory refuses.
redis.call('HSET', batch_key(id), 'id', id, 'owner', owner, 'input_file_id', input, 'status', 'validating',
  'created_at', stamp(now), 'expires_at', stamp(now + seconds), 'fence', 0, unpack(ARGV, 7))
redis.call('HINCRBY', file, 'uses', 1)
redis.call('ZADD', owned, stamp(now), id)
redis.call('ZADD', waiting_batches_key(), stamp(now), id)
for _, each in ipairs(ended) do
  redis.call('DEL', batch_key(each))
  redis.call('ZREM', owned, each)
  redis.call('ZREM', old_batches_key(), each)
end
return 'created'
