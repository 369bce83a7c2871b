--- @include "lib/clock"
--- @include "lib/lease"

-- Responses that are held open: leases of their owner's, and of all owners together.

local function open_streams(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', stamp(now))
  return redis.call('ZCARD', key)
end

local function hold_stream(owner, stream, now, seconds)
  for _, key in ipairs({ streams_key(owner), all_streams_key() }) do
    lease(key, stream, now, seconds)
    redis.call('EXPIRE', key, math.ceil(seconds))
  end
end
