--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/webhook_due"

-- Choose webhooks that are due and that there is room for; the caller publishes them.
--
-- Input:
--   ARGV[1]  most               that may be published or being sent at once
--   ARGV[2]  share              of these that one receiver may have
--   ARGV[3]  unclaimed_seconds  that a message may stay unclaimed
-- Output:
--   {id of the job ...}
-- Events: none
local most, share, unclaimed_seconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
even_if_full()
local now, room, receivers, out, busy = clock(), most, receivers_key(), webhooks_published_key(), {}
for _, id in ipairs(lapsed(out, now)) do
  local origin = redis.call('HGET', hook_key(id), 'origin')
  if origin then wait_to_tell(id, origin, stamp(now)) end
end
for _, id in ipairs(redis.call('ZRANGE', out, 0, -1)) do
  local origin = redis.call('HGET', hook_key(id), 'origin')
  if origin then busy[origin] = (busy[origin] or 0) + 1 end
  room = room - 1
end

local ids = {}
for _, origin in ipairs(redis.call('ZRANGEBYSCORE', receivers, '-inf', stamp(now), 'LIMIT', 0, 1000)) do
  if room <= 0 then break end
  local waiting, free = receiver_key(origin), math.min(room, share - (busy[origin] or 0))
  if free > 0 then
    for _, id in ipairs(take_due(waiting, out, now, free, unclaimed_seconds)) do
      redis.call('HDEL', hook_key(id), 'held')
      ids[#ids + 1] = id
      room = room - 1
    end
  end
  -- When to look again: when the next is due; in a second if it is, and there is no room. What is
  -- settled looks at once.
  local head = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
  if not head[1] then
    redis.call('ZREM', receivers, origin)
  else
    redis.call('ZADD', receivers, tonumber(head[2]) > now and head[2] or stamp(now + 1), origin)
  end
end
return ids
