--- @include "lib/account"
--- @include "lib/charge_turn"
--- @include "lib/clock"
--- @include "lib/lanes"

-- Take the job out of the line whose turn it is; nil if there is none.
local function pick_next(model, line, now)
  local owner, start = unpack(redis.call('ZRANGE', waiting_owners_key(model, line), 0, 0, 'WITHSCORES'))
  if not owner then return nil end
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
