--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/version"

-- Work on a batch that was posted: a new fence, and a lease.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  clerk
--   ARGV[3]  lease_seconds
--   ARGV[4]  oldest         version of the record that is read
--   ARGV[5]  newest         version of the record that is read
-- Output:
--   {fence, field, value ...}
--   {} if it is not posted, worked on by another, or of another version
-- Events: none
local id, clerk, lease_seconds, oldest, newest = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
even_if_full()
local now, key = clock(), batch_key(id)

-- A batch that this clerk cannot read is looked at again after so long.
local LEFT_SECONDS = 5

if not is_leased(held_batches_key(), id) or redis.call('HEXISTS', key, 'clerk') == 1 then return {} end
if not readable(redis.call('HGET', key, 'v'), oldest, newest) then  -- for a newer clerk
  release(held_batches_key(), id)
  redis.call('ZADD', waiting_batches_key(), stamp(now + LEFT_SECONDS), id)
  return {}
end
redis.call('HSET', key, 'clerk', clerk)
local fence = redis.call('HINCRBY', key, 'fence', 1)
lease(held_batches_key(), id, now, lease_seconds)
return { fence, unpack(redis.call('HGETALL', key)) }
