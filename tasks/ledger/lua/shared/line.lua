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
-- `wait:{model}:{line}`          the owners of lanes, by start
-- `lane:{model}:{line}:{owner}`  job ids, by place
-- `lanes:{model}`                how many jobs stand in the lanes of each line
-- `fair:{model}:{line}`          `now`: the start of the lane whose turn was last; `turn_at`: when that was;
--                                `start:{owner}` of owners without a lane, as long as others are behind it; `cost` and
--                                `cost:{owner}`: mean tokens of a job. Forgotten when nobody has waited for a day
-- `queued:{model}`               how many jobs are queued, by priority
-- `small:{model}`                what needs no slot, and is published or running
local LINES = { 'small', 'high', 'normal', 'low' }
local FAIR_SECONDS = 86400

-- What a job is expected to take while nothing is known, and the least that a turn costs, in tokens.
local FIRST_COST, LEAST_COST = 100, 1

-- Of a guess at what a job has had: bytes of a request to a token, and events that are looked at.
local BYTES, SAMPLE = 4, 64

-- Lanes that are looked at to tell a place.
local MOST_LANES = 100

local function lane_key(model, line, owner) return PREFIX .. 'lane:' .. model .. ':' .. line .. ':' .. owner end
local function wait_key(model, line) return PREFIX .. 'wait:' .. model .. ':' .. line end
local function fair_key(model, line) return PREFIX .. 'fair:' .. model .. ':' .. line end

local function tokens(number) return string.format('%.3f', number) end

local function weight_of(told) return math.min(1000, math.max(0.001, tonumber(told or '1'))) end

-- Where a line has come to: an owner who comes now begins there.
local function virtual_now(model, line)
  local now = tonumber(redis.call('HGET', fair_key(model, line), 'now') or '0')
  local least = redis.call('ZRANGEBYSCORE', wait_key(model, line), '(-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  return least and math.min(now, tonumber(least)) or now
end

local function remember_owners(model, line)
  if redis.call('EXISTS', wait_key(model, line)) == 1 then
    redis.call('PERSIST', fair_key(model, line))
  else
    redis.call('EXPIRE', fair_key(model, line), FAIR_SECONDS)
  end
end

-- What an owner without a lane has had; nothing is kept that others have had as well.
local function keep_start(model, line, owner, start)
  if start > virtual_now(model, line) then
    redis.call('HSET', fair_key(model, line), 'start:' .. owner, tokens(start))
  else
    redis.call('HDEL', fair_key(model, line), 'start:' .. owner)
  end
end

local function start_of(model, line, owner)
  local kept = redis.call('HGET', fair_key(model, line), 'start:' .. owner)
  return math.max(virtual_now(model, line), tonumber(kept or '0'))
end

local function open_lane(model, line, owner, now)
  local wait, fair = wait_key(model, line), fair_key(model, line)
  if redis.call('ZSCORE', wait, owner) then return end
  if redis.call('EXISTS', wait) == 0 then redis.call('HSET', fair, 'turn_at', stamp(now)) end
  redis.call('ZADD', wait, owner == '' and '-inf' or tokens(start_of(model, line, owner)), owner)
  redis.call('HDEL', fair, 'start:' .. owner)
  remember_owners(model, line)
end

local function close_if_empty(model, line, owner)
  if redis.call('EXISTS', lane_key(model, line, owner)) == 1 then return end
  local start = redis.call('ZSCORE', wait_key(model, line), owner)
  redis.call('ZREM', wait_key(model, line), owner)
  if owner ~= '' and start then keep_start(model, line, owner, tonumber(start)) end
  remember_owners(model, line)
end

-- An owner has had so many tokens, divided by its weight; they may be fewer than none.
local function charge(model, line, owner, had)
  if redis.call('ZSCORE', wait_key(model, line), owner) then
    redis.call('ZINCRBY', wait_key(model, line), tokens(had), owner)
  else
    keep_start(model, line, owner, start_of(model, line, owner) + had)
    remember_owners(model, line)
  end
end

local function expected_cost(model, line, owner)
  local known = redis.call('HMGET', fair_key(model, line), 'cost:' .. owner, 'cost')
  return math.max(LEAST_COST, tonumber(known[1] or known[2] or FIRST_COST))
end

-- A job's turn has come: its owner is charged with what is expected of it.
local function charge_turn(id)
  local model, line, owner, weight, charged =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'weight', 'charged'))
  if not line or charged then return end
  local cost = expected_cost(model, line, owner)
  redis.call('HSET', job_key(id), 'charged', tokens(cost))
  charge(model, line, owner, cost / weight_of(weight))
end

-- What a job has had, by its usage, or as far as can be told without: its request, and the events of its stream.
local function had_so_far(id)
  local usage, started = unpack(redis.call('HMGET', job_key(id), 'usage', 'started_at'))
  if usage then
    local had = cjson.decode(usage)
    return had.prompt_tokens - had.cached_tokens + had.completion_tokens
  end
  if not started then return 0 end
  local log = PREFIX .. 'log:' .. id
  local last, count = redis.call('XREVRANGE', log, '+', '-', 'COUNT', SAMPLE), 0
  for _, entry in ipairs(last) do count = count + #(cjson.decode(entry[2][2]).tokens or {}) end
  local generated = #last > 0 and count / #last * redis.call('XLEN', log) or 0
  return redis.call('HSTRLEN', job_key(id), 'request') / BYTES + generated
end

-- A job's owner was charged with what was expected. Now it is charged with what the job has had: nobody saves by a job
-- that is cancelled at its last token.
local function settle(id)
  local model, line, owner, charged, weight, paid =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'charged', 'weight', 'paid'))
  if not charged then return end
  local cost, fair = math.max(LEAST_COST, had_so_far(id)), fair_key(model, line)
  for _, whose in ipairs({ 'cost', 'cost:' .. owner }) do
    local mean = tonumber(redis.call('HGET', fair, whose) or cost)
    redis.call('HSET', fair, whose, tokens(mean + 0.1 * (cost - mean)))
  end
  charge(model, line, owner, (cost - tonumber(paid or '0') - tonumber(charged)) / weight_of(weight))
  redis.call('HSET', job_key(id), 'paid', tokens(cost))
  redis.call('HDEL', job_key(id), 'charged')
end

-- Put a job where it stands, by its record.
local function enter_lane(id, now)
  local model, line, owner, place, charged =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'place', 'charged'))
  if not place then return end
  if charged then owner = '' end
  open_lane(model, line, owner, now)
  redis.call('ZADD', lane_key(model, line, owner), place, id)
  redis.call('HINCRBY', model_key('lanes', model), line, 1)
  redis.call('SREM', model_key('small', model), id)
end

-- Take a job out of its lane, if it stands in one; whether it did.
local function leave_lane(id)
  local model, line, owner = unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner'))
  for _, of in ipairs({ owner, '' }) do
    if redis.call('ZREM', lane_key(model, line, of), id) == 1 then
      redis.call('HINCRBY', model_key('lanes', model), line, -1)
      close_if_empty(model, line, of)
      return true
    end
  end
  return false
end

-- Take the job out of the line whose turn it is; nil if there is none.
local function take_turn(model, line, now)
  local owner, start = unpack(redis.call('ZRANGE', wait_key(model, line), 0, 0, 'WITHSCORES'))
  if not owner then return nil end
  local id = redis.call('ZPOPMIN', lane_key(model, line, owner))[1]
  local fair = fair_key(model, line)
  redis.call('HSET', fair, 'turn_at', stamp(now))
  if id then
    redis.call('HINCRBY', model_key('lanes', model), line, -1)
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
    if redis.call('EXISTS', wait_key(model, line)) == 1 then
      local turn_at = tonumber(redis.call('HGET', fair_key(model, line), 'turn_at') or '0')
      local has_slots = line == 'low' and redis.call('EXISTS', model_key('yield', model)) == 1
      if not first then
        first = line
      elseif now - turn_at >= ageing_seconds and not has_slots then
        return line, true
      end
    end
  end
  return first, false
end

-- A job is queued from here on. `place` is when it was accepted.
local function enter_line(id, model, priority, now)
  enter_lane(id, now)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

local function enter_line_later(id, model, priority, at)
  redis.call('SREM', model_key('small', model), id)
  redis.call('ZADD', PREFIX .. 'delayed', at, id)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

local function leave_line(id, model, priority)
  leave_lane(id)
  redis.call('ZREM', model_key('out', model), id)
  redis.call('ZREM', PREFIX .. 'delayed', id)
  redis.call('HINCRBY', model_key('queued', model), priority, -1)
end

-- How many jobs of a line's other lanes begin before one that starts so late: an estimate, of many lanes by the first.
local function begun_before(model, line, owner, start)
  local wait, count = wait_key(model, line), 0
  local lanes = redis.call('ZRANGEBYSCORE', wait, '(-inf', tokens(start), 'WITHSCORES', 'LIMIT', 0, MOST_LANES)
  for i = 1, #lanes, 2 do
    local other = lanes[i]
    if other ~= owner then
      local lane = lane_key(model, line, other)
      local head = redis.call('ZRANGE', lane, 0, 0)[1]
      local each = expected_cost(model, line, other) / weight_of(head and redis.call('HGET', job_key(head), 'weight'))
      local turns = math.floor((start - tonumber(lanes[i + 1])) / each) + 1
      count = count + math.min(redis.call('ZCARD', lane), turns)
    end
  end
  local others = redis.call('ZCOUNT', wait, '(-inf', tokens(start)) / math.max(1, #lanes / 2)
  return redis.call('ZCARD', lane_key(model, line, '')) + math.floor(count * others)
end
