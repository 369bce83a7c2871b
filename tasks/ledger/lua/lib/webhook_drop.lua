--- @include "lib/lease"
-- What has not been told of a job will not be.
local function tell_nothing(id)
  local origin = redis.call('HGET', hook_key(id), 'origin')
  if origin then redis.call('ZREM', receiver_key(origin), id) end
  release(webhooks_published_key(), id)
  redis.call('ZREM', webhooks_pending_key(), id)
  redis.call('DEL', hook_key(id))
end
