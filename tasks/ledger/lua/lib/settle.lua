--- @include "lib/account"
--- @include "lib/begun"

-- Of a guess at what a job has had: bytes of a request to a token, and events that are looked at.
local BYTES, SAMPLE = 4, 64

-- What a job has had, by its usage, or as far as can be told without: its request, and the events of its stream.
local function had_so_far(id)
  local usage, started = unpack(redis.call('HMGET', job_key(id), 'usage', 'started_at'))
  if usage then
    local had = cjson.decode(usage)
    return had.prompt_tokens - had.cached_tokens + had.completion_tokens
  end
  if not started then return 0 end
  local log = log_key(id)
  local last, sampled = redis.call('XREVRANGE', log, '+', '-', 'COUNT', SAMPLE), 0
  for _, entry in ipairs(last) do sampled = sampled + #(cjson.decode(entry[2][2]).tokens or {}) end
  local generated = #last > 0 and sampled / #last * redis.call('XLEN', log) or 0
  return redis.call('HSTRLEN', job_key(id), 'request') / BYTES + generated
end

-- A job's owner was charged with what was expected. Now it is charged with what the job has had: nobody saves by a job
-- that is cancelled at its last token.
local function settle(id)
  local model, line, owner, charged, weight, paid =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'charged', 'weight', 'paid'))
  if not charged then return end
  local cost, fair = math.max(LEAST_COST, had_so_far(id)), fair_share_key(model, line)
  for _, whose in ipairs({ 'cost', 'cost:' .. owner }) do
    local mean = tonumber(redis.call('HGET', fair, whose) or cost)
    redis.call('HSET', fair, whose, tokens(mean + 0.1 * (cost - mean)))
  end
  charge(model, line, owner, (cost - tonumber(paid or '0') - tonumber(charged)) / weight_of(weight))
  redis.call('HSET', job_key(id), 'paid', tokens(cost))
  redis.call('HDEL', job_key(id), 'charged')
  end_share(id)
end
