-- Whether a model can be served: what its workers said of their starts, and what they died of.
--
-- `starts:{model}`    what each worker that does not serve said last, as JSON: `loading`, or `failed` with a reason
-- `ready:{model}`     there once a worker has served the model
-- `trouble:{model}`   jobs that workers died of while they held nothing else, by id, since the model's last first token
-- `patience:{model}`  `tries`, `at`: how often one job was let through since, and from when on the next may be

-- Why a model cannot be served; nil if a worker has ever been ready, or one may still become so. Workers of an earlier
-- release serve without saying that they are ready. tries: how often each of them must have failed in a row.
local function cannot_be_served(model, now, tries)
  local starts = redis.call('HVALS', model_key('starts', model))
  if #starts == 0 or redis.call('EXISTS', model_key('ready', model)) == 1 then return nil end
  if redis.call('ZCOUNT', model_key('workers', model), stamp(now), '+inf') > 0 then return nil end
  local why
  for _, told in ipairs(starts) do
    local start = cjson.decode(told)
    if start['until'] > now then
      if start.state ~= 'failed' or (start.tries or 0) < tries then return nil end
      why = start.reason
    end
  end
  return why
end

-- The error of a job that nobody can run.
local function unserved(model, why)
  local message = "The model '" .. model .. "' cannot be served. " .. why
  return cjson.encode({ message = message, type = 'unavailable_error', param = cjson.null, code = 'model_failed' })
end

-- With two jobs in it, it is the model that fails: none of them is to blame, and one job at a time is tried.
local function trouble_key(model) return model_key('trouble', model) end
local function in_trouble(model) return redis.call('HLEN', trouble_key(model)) > 1 end

-- A worker crashed that held this job and no other.
local function note_trouble(id, model, found)
  redis.call('HSET', trouble_key(model), id, found)
  redis.call('EXPIRE', trouble_key(model), 86400)
end

-- Whether the deaths that count against a job are all of one worker while another lives: then that one may be what fails,
-- and the other tries the job first.
local function only_one_has_tried(id, model, now)
  local job = redis.call('HMGET', job_key(id), 'deaths', 'fails', 'kills')
  local deaths = cjson.decode(job[1] or '[]')
  local counted = math.min(#deaths, tonumber(job[2] or '0') + tonumber(job[3] or '0'))
  local name = counted > 0 and deaths[#deaths].worker or nil
  for at = #deaths - counted + 1, #deaths do
    if deaths[at].worker ~= name then return nil end
  end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', model_key('workers', model), stamp(now), '+inf')) do
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
  local alone = has_waited or redis.call('ZCARD', model_key('pend', model)) <= 1
  return alone and not only_one_has_tried(id, model, now) and 'bury' or 'aside'
end

-- Whether jobs of the model are queued that no worker died of alone.
local function others_are_queued(model)
  local suspects = 0
  for _, id in ipairs(redis.call('HKEYS', trouble_key(model))) do
    if redis.call('HGET', job_key(id), 'status') == 'queued' then suspects = suspects + 1 end
  end
  return redis.call('ZCARD', model_key('pend', model)) - redis.call('ZCARD', model_key('run', model)) > suspects
end

-- Have a job wait for another one's token: 1 second, then 2, 4, 8; false, and it stands nowhere, if it has waited for
-- all of them.
local function put_aside(id, model, priority, now)
  local times = redis.call('HINCRBY', job_key(id), 'aside', 1)
  if times > 4 then return false end
  enter_line_later(id, model, priority, stamp(now + 2 ^ (times - 1)))
  return true
end

-- A job has its first token under a claim: what workers died of was the one job that died alone before. If there were
-- two or more, it was the model, and they are not suspected any more: once each, since it may have been they after all.
local function out_of_trouble(model)
  for _, id in ipairs(in_trouble(model) and redis.call('HKEYS', trouble_key(model)) or {}) do
    if redis.call('EXISTS', job_key(id)) == 1 then
      redis.call('HSET', job_key(id), 'aside', 0)
      if redis.call('HSETNX', job_key(id), 'absolved', 1) == 1 then
        redis.call('HSET', job_key(id), 'fails', 0, 'kills', 0)
      end
    end
  end
  redis.call('DEL', trouble_key(model), model_key('patience', model))
end

-- Whether a job that needs a slot is run and has no token yet. Streams that go on prove nothing, and hold up nothing.
local function one_is_tried(model)
  for _, id in ipairs(redis.call('ZRANGE', model_key('run', model), 0, -1)) do
    local job = redis.call('HMGET', job_key(id), 'proven', 'fence', 'line')
    if job[1] ~= job[2] and job[3] ~= 'small' then return true end
  end
  return false
end

local function one_is_published(model)
  for _, id in ipairs(redis.call('ZRANGE', model_key('out', model), 0, -1)) do
    if redis.call('HGET', job_key(id), 'line') ~= 'small' then return true end
  end
  return false
end

-- Whether another job may be tried of a model in trouble: one at a time, after 1, 2, 4 ... seconds, a minute at most.
local function may_try(model, now)
  local key = model_key('patience', model)
  if one_is_published(model) or one_is_tried(model) then return false end
  if tonumber(redis.call('HGET', key, 'at') or '0') > now then return false end
  local tries = redis.call('HINCRBY', key, 'tries', 1)
  redis.call('HSET', key, 'at', stamp(now + math.min(60, 2 ^ (tries - 1))))
  redis.call('EXPIRE', key, 86400)
  return true
end

-- The job that was let through last gives another its try.
local function try_another(model, now)
  local key = model_key('patience', model)
  local tries = tonumber(redis.call('HGET', key, 'tries') or '0')
  redis.call('HSET', key, 'tries', math.max(0, tries - 1), 'at', stamp(now))
  redis.call('EXPIRE', key, 86400)
end
