--- @include "lib/clock"

-- Whether a model can be served: what its workers said of their starts.
--
-- starts_key  what each worker that does not serve said last, as JSON: `loading`, or `failed` with a reason
-- ready_key   there once a worker has served the model

-- Why a model cannot be served; nil if a worker has ever been ready, or one may still become so. Workers of an earlier
-- release serve without saying that they are ready. tries: how often each of them must have failed in a row.
local function cannot_be_served(model, now, tries)
  local starts = redis.call('HVALS', starts_key(model))
  if #starts == 0 or redis.call('EXISTS', ready_key(model)) == 1 then return nil end
  if redis.call('ZCOUNT', workers_key(model), stamp(now), '+inf') > 0 then return nil end
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
