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
-- `fair:{model}:{line}`          `now`: the start of the lane whose turn was last; `turn_at`: when that was;
--                                `start:{owner}` of owners without a lane, while it is later than `now`; `cost` and
--                                `cost:{owner}`: mean tokens of a job
-- `queued:{model}`               how many jobs are queued, by priority
local LINES = { 'small', 'high', 'normal', 'low' }
local FAIR_SECONDS = 86400

-- What a job is expected to take while nothing is known, in tokens.
local FIRST_COST = 100

local function lane_key(model, line, owner) return PREFIX .. 'lane:' .. model .. ':' .. line .. ':' .. owner end
local function wait_key(model, line) return PREFIX .. 'wait:' .. model .. ':' .. line end
local function fair_key(model, line) return PREFIX .. 'fair:' .. model .. ':' .. line end

local function tokens(number) return string.format('%.3f', number) end

local function virtual_now(model, line) return tonumber(redis.call('HGET', fair_key(model, line), 'now') or '0') end

-- The lane of the line that is next, and its start; '' if jobs are back.
local function first_lane(model, line) return unpack(redis.call('ZRANGE', wait_key(model, line), 0, 0, 'WITHSCORES')) end

local function open_lane(model, line, owner, now)
  local wait, fair = wait_key(model, line), fair_key(model, line)
  if redis.call('ZSCORE', wait, owner) then return end
  if redis.call('EXISTS', wait) == 0 then
    redis.call('HSET', fair, 'turn_at', stamp(now))
    redis.call('EXPIRE', fair, FAIR_SECONDS)
  end
  if owner == '' then
    redis.call('ZADD', wait, '-inf', owner)
    return
  end
  local start = virtual_now(model, line)
  local others = redis.call('ZRANGEBYSCORE', wait, '(-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if others[2] then start = math.min(start, tonumber(others[2])) end
  start = math.max(start, tonumber(redis.call('HGET', fair, 'start:' .. owner) or '0'))
  redis.call('HDEL', fair, 'start:' .. owner)
  redis.call('ZADD', wait, tokens(start), owner)
end

local function close_if_empty(model, line, owner)
  if redis.call('EXISTS', lane_key(model, line, owner)) == 1 then return end
  local start = redis.call('ZSCORE', wait_key(model, line), owner)
  redis.call('ZREM', wait_key(model, line), owner)
  if owner ~= '' and start and tonumber(start) > virtual_now(model, line) then
    redis.call('HSET', fair_key(model, line), 'start:' .. owner, start)
  end
end

-- An owner has had so many tokens, divided by its weight; they may be fewer than none.
local function charge(model, line, owner, had)
  local wait, fair = wait_key(model, line), fair_key(model, line)
  if redis.call('ZSCORE', wait, owner) then
    redis.call('ZINCRBY', wait, tokens(had), owner)
  elseif tonumber(redis.call('HINCRBYFLOAT', fair, 'start:' .. owner, tokens(had))) <= virtual_now(model, line) then
    redis.call('HDEL', fair, 'start:' .. owner)
  end
end

local function expected_cost(model, line, owner)
  local known = redis.call('HMGET', fair_key(model, line), 'cost:' .. owner, 'cost')
  return tonumber(known[1] or known[2] or FIRST_COST)
end

-- Put a job where it stands, by its record.
local function enter_lane(id, now)
  local model, line, owner, place, charged =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'place', 'charged'))
  if not place then return end
  if charged then owner = '' end
  open_lane(model, line, owner, now)
  redis.call('ZADD', lane_key(model, line, owner), place, id)
end

-- Take a job out of its lane, if it stands in one; whether it did.
local function leave_lane(id)
  local model, line, owner = unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner'))
  for _, of in ipairs({ owner, '' }) do
    if redis.call('ZREM', lane_key(model, line, of), id) == 1 then
      close_if_empty(model, line, of)
      return true
    end
  end
  return false
end

-- Take the job out of the line whose turn it is, and charge its owner; nil if there is none.
local function take_turn(model, line, now)
  local owner, start = first_lane(model, line)
  if not owner then return nil end
  local id = redis.call('ZPOPMIN', lane_key(model, line, owner))[1]
  local fair = fair_key(model, line)
  redis.call('HSET', fair, 'turn_at', stamp(now))
  redis.call('EXPIRE', fair, FAIR_SECONDS)
  if owner ~= '' and id then
    redis.call('HSET', fair, 'now', tokens(math.max(virtual_now(model, line), tonumber(start))))
    local cost = expected_cost(model, line, owner)
    redis.call('HSET', job_key(id), 'charged', tokens(cost))
    charge(model, line, owner, cost / tonumber(redis.call('HGET', job_key(id), 'weight') or '1'))
  end
  close_if_empty(model, line, owner)
  return id
end

-- A job's owner was charged with what was expected. Now it is known, or as good as known: nobody saves by a job that is
-- cancelled at its last token.
local function settle(id)
  local model, line, owner, charged, weight, usage =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'charged', 'weight', 'usage'))
  if not charged then return end
  local cost
  if usage then
    local had, fair = cjson.decode(usage), fair_key(model, line)
    cost = had.prompt_tokens - had.cached_tokens + had.completion_tokens
    for _, whose in ipairs({ 'cost', 'cost:' .. owner }) do
      local mean = tonumber(redis.call('HGET', fair, whose) or cost)
      redis.call('HSET', fair, whose, tokens(mean + 0.1 * (cost - mean)))
    end
  else
    cost = math.max(tonumber(charged), redis.call('XLEN', PREFIX .. 'log:' .. id))
  end
  charge(model, line, owner, (cost - tonumber(charged)) / tonumber(weight or '1'))
end

-- What a job's owner was charged with is taken back; it will be charged again when the job's turn comes.
local function refund(id)
  local model, line, owner, charged, weight =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'charged', 'weight'))
  if not charged then return end
  charge(model, line, owner, -tonumber(charged) / tonumber(weight or '1'))
  redis.call('HDEL', job_key(id), 'charged')
end

-- Which of the lines is next, and whether it is so by its age alone: one in which no turn came for so many seconds goes
-- before the more urgent ones, once. Jobs that run already are no worse off: then none of its line starves.
local function next_line(model, now, ageing_seconds)
  local first
  for i = 2, #LINES do
    local line = LINES[i]
    if redis.call('EXISTS', wait_key(model, line)) == 1 then
      local turn_at = tonumber(redis.call('HGET', fair_key(model, line), 'turn_at') or '0')
      if not first then
        first = line
      elseif now - turn_at >= ageing_seconds and not (line == 'low' and redis.call('EXISTS', model_key('yield', model)) == 1) then
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
  redis.call('ZADD', PREFIX .. 'delayed', at, id)
  redis.call('HINCRBY', model_key('queued', model), priority, 1)
end

local function leave_line(id, model, priority)
  leave_lane(id)
  redis.call('ZREM', model_key('out', model), id)
  redis.call('ZREM', PREFIX .. 'delayed', id)
  redis.call('HINCRBY', model_key('queued', model), priority, -1)
end

-- How many jobs of a line's other lanes begin before one that starts so late.
local function begun_before(model, line, owner, start)
  local count, lanes = 0, redis.call('ZRANGE', wait_key(model, line), 0, -1, 'WITHSCORES')
  for i = 1, #lanes, 2 do
    local other = lanes[i]
    local jobs = redis.call('ZCARD', lane_key(model, line, other))
    if other == '' then
      count = count + jobs
    elseif other ~= owner and tonumber(lanes[i + 1]) <= start then
      local head = redis.call('ZRANGE', lane_key(model, line, other), 0, 0)[1]
      local weight = tonumber(redis.call('HGET', job_key(head), 'weight') or '1')
      local each = expected_cost(model, line, other) / weight
      count = count + math.min(jobs, math.floor((start - tonumber(lanes[i + 1])) / math.max(each, 0.001)) + 1)
    end
  end
  return count
end
