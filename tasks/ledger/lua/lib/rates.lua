--- @include "lib/clock"

-- Windows of limits a minute. A window slides: what was used in its present minute counts whole, and what was used in
-- the minute before by the part of it that is less than a minute ago. The first use begins the first minute.

local MINUTE = 60

-- The window as it is now.
local function window(kind, whose, now)
  local start, current, previous = unpack(redis.call('HMGET', rate_key(kind, whose), 'start', 'current', 'previous'))
  start, current, previous = tonumber(start or now), tonumber(current or '0'), tonumber(previous or '0')
  local age = now - start
  if age >= 2 * MINUTE then
    start, current, previous = now, 0, 0
  elseif age >= MINUTE then
    start, current, previous = start + MINUTE, 0, current
  end
  return { start = start, current = current, previous = previous, age = math.max(0, now - start) }
end

local function used(of) return math.floor(of.previous * (MINUTE - of.age) / MINUTE) + of.current end

local function keep_window(kind, whose, of)
  local key = rate_key(kind, whose)
  redis.call('HSET', key, 'start', stamp(of.start), 'current', of.current, 'previous', of.previous)
  redis.call('EXPIRE', key, 2 * MINUTE)
end
