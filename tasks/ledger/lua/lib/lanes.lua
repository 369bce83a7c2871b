--- @include "lib/account"
--- @include "lib/clock"

local function open_lane(model, line, owner, now)
  local wait, fair = waiting_owners_key(model, line), fair_share_key(model, line)
  if redis.call('ZSCORE', wait, owner) then return end
  if redis.call('EXISTS', wait) == 0 then redis.call('HSET', fair, 'turn_at', stamp(now)) end
  redis.call('ZADD', wait, owner == '' and '-inf' or tokens(start_of(model, line, owner)), owner)
  redis.call('HDEL', fair, 'start:' .. owner)
  remember_owners(model, line)
end

local function close_if_empty(model, line, owner)
  if redis.call('EXISTS', lane_key(model, line, owner)) == 1 then return end
  local start = redis.call('ZSCORE', waiting_owners_key(model, line), owner)
  redis.call('ZREM', waiting_owners_key(model, line), owner)
  if owner ~= '' and start then keep_start(model, line, owner, tonumber(start)) end
  remember_owners(model, line)
end

-- Put a job where it stands, by its record.
local function enter_lane(id, now)
  local model, line, owner, place, charged =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'place', 'charged'))
  if not place then return end
  if charged then owner = '' end
  open_lane(model, line, owner, now)
  redis.call('ZADD', lane_key(model, line, owner), place, id)
  redis.call('HINCRBY', lane_counts_key(model), line, 1)
  redis.call('SREM', slotless_key(model), id)
end

-- Take a job out of its lane, if it stands in one; whether it did.
local function leave_lane(id)
  local model, line, owner = unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner'))
  for _, of in ipairs({ owner, '' }) do
    if redis.call('ZREM', lane_key(model, line, of), id) == 1 then
      redis.call('HINCRBY', lane_counts_key(model), line, -1)
      close_if_empty(model, line, of)
      return true
    end
  end
  return false
end
