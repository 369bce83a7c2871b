--- @include "lib/clock"
--- @include "lib/trouble"

-- Whether the deaths that count against a job are all of one worker while another lives: then that one may be what
-- fails, and the other tries the job first.
local function only_one_has_tried(id, model, now)
  local job = redis.call('HMGET', job_key(id), 'deaths', 'fails', 'kills')
  local deaths = cjson.decode(job[1] or '[]')
  local counted = math.min(#deaths, tonumber(job[2] or '0') + tonumber(job[3] or '0'))
  local name = counted > 0 and deaths[#deaths].worker or nil
  for at = #deaths - counted + 1, #deaths do
    if deaths[at].worker ~= name then return nil end
  end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', workers_key(model), stamp(now), '+inf', 'LIMIT', 0, 2)) do
    if other ~= name then return name end
  end
end

-- What becomes of a job of which workers died too often: 'bury', if nothing else can be why; 'aside', if it waits for
-- another job of the model to have a token, which shows that the model runs.
local function sentence(id, model, found, now)
  note_trouble(id, model, found)
  if in_trouble(model) then
    redis.call('HSET', job_key(id), 'aside', 0)  -- others go before it as often as before
    return 'aside'
  end
  local has_waited = tonumber(redis.call('HGET', job_key(id), 'aside') or '0') > 0
  local alone = has_waited or redis.call('ZCARD', pending_key(model)) <= 1
  return alone and not only_one_has_tried(id, model, now) and 'bury' or 'aside'
end
