--- @include "lib/account"

-- How many jobs of its model are begun before a queued job, itself counted. Within a line that is an estimate, as far
-- as it takes jobs of several owners to be as large as their last ones.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  model
-- Output:
--   the number; nil if the job stands in no line
-- Events: none
local id, model = ARGV[1], ARGV[2]

-- Lanes that are looked at, at most.
local MOST_LANES = 100

-- How many jobs of a line's other lanes begin before one that starts so late: an estimate, of many lanes by the first.
local function begun_before(line, owner, start)
  local wait, count = waiting_owners_key(model, line), 0
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
local published = redis.call('ZRANK', published_key(model), id)
if published then return published + 1 end
local line, owner, weight, charged = unpack(redis.call('HMGET', job_key(id), 'line', 'owner', 'weight', 'charged'))
if not line then return nil end
if charged then owner = '' end
local rank = redis.call('ZRANK', lane_key(model, line, owner), id)
if not rank then return nil end

local ahead = redis.call('ZCARD', published_key(model)) + rank
for _, before in ipairs(LINES) do
  if before == line then break end
  ahead = ahead + tonumber(redis.call('HGET', lane_counts_key(model), before) or '0')
end
if owner ~= '' then
  local start = tonumber(redis.call('ZSCORE', waiting_owners_key(model, line), owner))
  ahead = ahead + begun_before(line, owner, start + rank * expected_cost(model, line, owner) / weight_of(weight))
end
return ahead + 1
