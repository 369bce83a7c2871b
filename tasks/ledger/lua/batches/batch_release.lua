--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/record"

-- Put a batch back into the line.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  fence
--   ARGV[3]  seconds  until it is looked at again
-- Output:
--   1, or 0 if it is lost
-- Events: none
local id, fence, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])
even_if_full()
local now, key = clock(), batch_key(id)
local batch = read(key, { 'fence', 'paused_at', 'expires_at', 'status' })
if batch.fence ~= fence then return 0 end
redis.call('HINCRBY', key, 'fence', 1)
redis.call('HDEL', key, 'clerk')
release(held_batches_key(), id)
local paused = batch.paused_at and batch.status ~= 'cancelling'
local at = paused and math.max(now, tonumber(batch.expires_at)) or now + seconds
redis.call('ZADD', waiting_batches_key(), stamp(at), id)
return 1
