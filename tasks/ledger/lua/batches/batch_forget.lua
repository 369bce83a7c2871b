--- @include "lib/even_if_full"
--- @include "lib/record"

-- Forget a batch that has ended.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner
-- Output:
--   'forgotten'
--   'unknown'
--   its status, if it has not ended
-- Events: none
local id, owner = ARGV[1], ARGV[2]
even_if_full()
local batch = read(batch_key(id), { 'owner', 'status' })
if not batch.status or batch.owner ~= owner then return 'unknown' end
local ended = { completed = 1, failed = 1, expired = 1, cancelled = 1 }
if not ended[batch.status] then return batch.status end
redis.call('DEL', batch_key(id))
redis.call('ZREM', batches_key(owner), id)
redis.call('ZREM', old_batches_key(), id)
return 'forgotten'
