--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"

-- Choose batches for which there is room; the caller publishes them.
--
-- waiting_batches_key has those that no clerk works on, by when they were last worked on or when to look at them again,
-- held_batches_key those that are published or worked on, by when they go back if nothing more is heard of them.
--
-- Input:
--   ARGV[1]  most               that may be worked on at once
--   ARGV[2]  unclaimed_seconds  that a message may stay unclaimed
-- Output:
--   {id ...}
-- Events: none
local most, unclaimed_seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
even_if_full()
local now, line, held = clock(), waiting_batches_key(), held_batches_key()
for _, id in ipairs(lapsed(held, now)) do
  if redis.call('EXISTS', batch_key(id)) == 1 then
    redis.call('HINCRBY', batch_key(id), 'fence', 1)  -- a clerk that was silent for so long has lost it
    redis.call('ZADD', line, stamp(now), id)
  end
end
local room = most - redis.call('ZCARD', held)
if room <= 0 then return {} end
local ids = take_due(line, held, now, room, unclaimed_seconds)
for _, id in ipairs(ids) do redis.call('HDEL', batch_key(id), 'clerk') end
return ids
