--- @include "lib/listing"
--- @include "lib/results"

-- Remove an ended job from every list, and its record and stream.
local function erase(id, model, owner)
  redis.call('ZREM', ended_key(), listing(id, model, owner))
  redis.call('ZREM', owned_key(owner), id)
  redis.call('ZREM', dead_letters_key(model), id)
  redis.call('HDEL', trouble_key(model), id)
  redis.call('DEL', job_key(id), log_key(id))
  uncount_job(id, owner)
end
