-- The waiting line of a model: four lines, one before the other, of which the first is for what needs no slot.
--
-- In a line every owner has a lane, in which jobs stand by when they were accepted. Lanes take turns by start-time fair
-- queueing (Goyal, Vin and Cheng, 1996): a lane's start is what its owner has had in this line, in tokens divided by
-- the weight of its jobs; the least goes first, and who comes late begins where the others are. What a job takes is not
-- known before its end, so its owner is charged with the mean of its last ones when its turn comes, and with the
-- difference at the end.
--
-- A job whose turn has come once, and that is back, goes before all lanes: it stands in the lane of no owner, ''.
--
-- waiting_owners_key  the owners of lanes, by start
-- lane_key            job ids, by place
-- lane_counts_key     how many jobs stand in the lanes of each line
-- fair_share_key      `now`: the start of the lane whose turn was last; `turn_at`: when that was; `start:{owner}` of
--                     owners without a lane, as long as others are behind it; `cost` and `cost:{owner}`: mean tokens of
--                     a job. Forgotten when nobody has waited for a day

local function tokens(number) return string.format('%.3f', number) end

local function weight_of(told) return math.min(1000, math.max(0.001, tonumber(told or '1'))) end

local FAIR_SECONDS = 86400

-- What a job is expected to take while nothing is known, and the least that a turn costs, in tokens.
local FIRST_COST, LEAST_COST = 100, 1

-- Where a line has come to: an owner who comes now begins there.
local function virtual_now(model, line)
  local now = tonumber(redis.call('HGET', fair_share_key(model, line), 'now') or '0')
  local wait = waiting_owners_key(model, line)
  local least = redis.call('ZRANGEBYSCORE', wait, '(-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  return least and math.min(now, tonumber(least)) or now
end

local function remember_owners(model, line)
  if redis.call('EXISTS', waiting_owners_key(model, line)) == 1 then
    redis.call('PERSIST', fair_share_key(model, line))
  else
    redis.call('EXPIRE', fair_share_key(model, line), FAIR_SECONDS)
  end
end

-- What an owner without a lane has had; nothing is kept that others have had as well.
local function keep_start(model, line, owner, start)
  if start > virtual_now(model, line) then
    redis.call('HSET', fair_share_key(model, line), 'start:' .. owner, tokens(start))
  else
    redis.call('HDEL', fair_share_key(model, line), 'start:' .. owner)
  end
end

local function start_of(model, line, owner)
  local kept = redis.call('HGET', fair_share_key(model, line), 'start:' .. owner)
  return math.max(virtual_now(model, line), tonumber(kept or '0'))
end

-- An owner has had so many tokens, divided by its weight; they may be fewer than none.
local function charge(model, line, owner, had)
  if redis.call('ZSCORE', waiting_owners_key(model, line), owner) then
    redis.call('ZINCRBY', waiting_owners_key(model, line), tokens(had), owner)
  else
    keep_start(model, line, owner, start_of(model, line, owner) + had)
    remember_owners(model, line)
  end
end

local function expected_cost(model, line, owner)
  local known = redis.call('HMGET', fair_share_key(model, line), 'cost:' .. owner, 'cost')
  return math.max(LEAST_COST, tonumber(known[1] or known[2] or FIRST_COST))
end
