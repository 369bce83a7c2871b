--- @include "lib/count"

-- histograms_key has `{duration}:{priority}:{bound}`: jobs that succeeded, each under the least bound that is not less
-- than the duration; `{duration}:{priority}:us`: the durations' sum in microseconds. BOUNDS are texts in rising order.

local function observe(model, priority, duration, seconds)
  if seconds < 0 then seconds = 0 end
  local key, bound = histograms_key(model), 1
  while BOUNDS[bound] and seconds > tonumber(BOUNDS[bound]) do bound = bound + 1 end
  local series = duration .. ':' .. priority .. ':'
  redis.call('HINCRBY', key, series .. (BOUNDS[bound] or '+Inf'), 1)
  redis.call('HINCRBY', key, series .. 'us', string.format('%.0f', seconds * 1000000))
end

-- Count what a job took that succeeded. Times count from when it was accepted, or asked for again. measured: its
-- worker's durations, {duration, seconds, ...}. What needed no slot is not observed: it would hide the others.
local function observe_success(id, measured)
  local model, priority, line, place, created_at, first_token_at, finished_at, usage = unpack(redis.call('HMGET',
    job_key(id), 'model', 'priority', 'line', 'place', 'created_at', 'first_token_at', 'finished_at', 'usage'))
  if line == SLOTLESS or not place then return end
  observe(model, priority, 'total', tonumber(finished_at) - tonumber(place))
  if first_token_at then observe(model, priority, 'first_token', tonumber(first_token_at) - tonumber(place)) end
  for i = 1, #measured, 2 do
    local seconds = tonumber(measured[i + 1])
    if measured[i] == 'wait' then seconds = seconds - (tonumber(place) - tonumber(created_at)) end
    observe(model, priority, measured[i], seconds)
  end
  if usage then
    local had = cjson.decode(usage)
    count(model, 'tokens:prompt', had.prompt_tokens)
    count(model, 'tokens:cached', had.cached_tokens)
    count(model, 'tokens:completion', had.completion_tokens)
  end
end
