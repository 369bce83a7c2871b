--- @include "lib/trouble"

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
  redis.call('DEL', trouble_key(model), patience_key(model))
end
