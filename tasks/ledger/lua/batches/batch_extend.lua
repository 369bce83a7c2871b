--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/record"

-- Extend a clerk's lease on a batch.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  fence
--   ARGV[3]  lease_seconds
-- Output:
--   {status, 1 if it is paused, 1 if its time is over, how many batches wait for a clerk}
--   {'lost'}
-- Events: none
local id, fence, lease_seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])
even_if_full()
local now, batch = clock(), read(batch_key(id), { 'fence', 'status', 'paused_at', 'expires_at' })
if batch.fence ~= fence then return { 'lost' } end
lease(held_batches_key(), id, now, lease_seconds)
local waiting = redis.call('ZCOUNT', waiting_batches_key(), '-inf', stamp(now))
return { batch.status, batch.paused_at and 1 or 0, tonumber(batch.expires_at) <= now and 1 or 0, waiting }
