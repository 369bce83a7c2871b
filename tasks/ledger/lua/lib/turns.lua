--- @include "lib/account"
--- @include "lib/begun"
--- @include "lib/charge_turn"
--- @include "lib/clock"
--- @include "lib/lanes"

-- Take the job out of the line whose turn it is, or an owner's next one; nil if there is none.
local function pick_next(model, line, now, owner)
  owner = owner or redis.call('ZRANGE', waiting_owners_key(model, line), 0, 0)[1]
  if not owner then return nil end
  local start = redis.call('ZSCORE', waiting_owners_key(model, line), owner)
  local id = redis.call('ZPOPMIN', lane_key(model, line, owner))[1]
  local fair = fair_share_key(model, line)
  redis.call('HSET', fair, 'turn_at', stamp(now))
  if id then
    redis.call('HINCRBY', lane_counts_key(model), line, -1)
    if owner ~= '' then
      local before = tonumber(redis.call('HGET', fair, 'now') or '0')
      redis.call('HSET', fair, 'now', tokens(math.max(before, tonumber(start))))
      charge_turn(id)
    end
  end
  close_if_empty(model, line, owner)
  return id
end

-- Which of the lines is next, and whether it is so by its age alone: one in which no turn came for so many seconds goes
-- before the more urgent ones, once. Jobs of the line that have slots mean that it does not starve.
local function next_line(model, now, ageing_seconds)
  local first
  for i = 2, #LINES do
    local line = LINES[i]
    if redis.call('EXISTS', waiting_owners_key(model, line)) == 1 then
      local turn_at = tonumber(redis.call('HGET', fair_share_key(model, line), 'turn_at') or '0')
      local has_slots = line == 'low' and redis.call('EXISTS', giving_way_key(model)) == 1
      if not first then
        first = line
      elseif now - turn_at >= ageing_seconds and not has_slots then
        return line, true
      end
    end
  end
  return first, false
end

-- A line of urgent jobs, and an owner there whose jobs need no room: it has less of the model than another has, who
-- makes room for it in the engine. Of the owners who wait, those are looked at who are next.
local OWNERS_LOOKED_AT = 8

local function next_with_too_few(model)
  for _, line in ipairs({ 'high', 'normal' }) do
    local wait = waiting_owners_key(model, line)
    for _, owner in ipairs(redis.call('ZRANGEBYSCORE', wait, '(-inf', '+inf', 'LIMIT', 0, OWNERS_LOOKED_AT)) do
      local head = redis.call('ZRANGE', lane_key(model, line, owner), 0, 0)[1]
      if head and has_too_few(model, owner, redis.call('HGET', job_key(head), 'weight')) then return line, owner end
    end
  end
end
