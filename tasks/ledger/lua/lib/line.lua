--- @include "lib/lanes"

-- A job is queued from here on. `place` is when it was accepted.
local function enter_line(id, model, priority, now)
  enter_lane(id, now)
  redis.call('HINCRBY', queued_by_priority_key(model), priority, 1)
end

local function enter_line_later(id, model, priority, at)
  redis.call('SREM', slotless_key(model), id)
  redis.call('ZADD', delayed_key(), at, id)
  redis.call('HINCRBY', queued_by_priority_key(model), priority, 1)
end

local function leave_line(id, model, priority)
  leave_lane(id)
  redis.call('ZREM', published_key(model), id)
  redis.call('ZREM', delayed_key(), id)
  redis.call('HINCRBY', queued_by_priority_key(model), priority, -1)
end
