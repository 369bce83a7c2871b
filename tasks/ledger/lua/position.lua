-- How many jobs of its model are begun before a queued job, itself counted; nil if it stands in no line. Within a line
-- that is an estimate, as far as it takes jobs of several owners to be as large as their last ones. ARGV: id, model.
local id, model = ARGV[1], ARGV[2]
local published = redis.call('ZRANK', model_key('out', model), id)
if published then return published + 1 end
local line, owner, weight, charged = unpack(redis.call('HMGET', job_key(id), 'line', 'owner', 'weight', 'charged'))
if not line then return nil end
if charged then owner = '' end
local rank = redis.call('ZRANK', lane_key(model, line, owner), id)
if not rank then return nil end

local ahead = redis.call('ZCARD', model_key('out', model)) + rank
for _, before in ipairs(LINES) do
  if before == line then break end
  ahead = ahead + tonumber(redis.call('HGET', model_key('lanes', model), before) or '0')
end
if owner ~= '' then
  local start = tonumber(redis.call('ZSCORE', wait_key(model, line), owner))
  ahead = ahead + begun_before(model, line, owner, start + rank * expected_cost(model, line, owner) / weight_of(weight))
end
return ahead + 1
