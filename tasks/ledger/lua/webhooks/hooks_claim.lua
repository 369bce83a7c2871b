--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"

-- Hold a published webhook while it is sent.
--
-- Input:
--   ARGV[1]  id             of the job
--   ARGV[2]  lease_seconds  after which it is sent again unless settled
-- Output:
--   {field, value ...} of what is to be told
--   {} if it is settled, held by another or put off
-- Events: none
local id, lease_seconds = ARGV[1], tonumber(ARGV[2])
even_if_full()
local out = webhooks_published_key()
if not is_leased(out, id) then return {} end
if redis.call('EXISTS', hook_key(id)) == 0 then
  release(out, id)
  redis.call('ZREM', webhooks_pending_key(), id)
  return {}
end
if redis.call('HSETNX', hook_key(id), 'held', 1) == 0 then return {} end
redis.call('HINCRBY', hook_key(id), 'calls', 1)
lease(out, id, clock(), lease_seconds)
-- The release before kept no owner.
if redis.call('HEXISTS', hook_key(id), 'owner') == 0 then
  local owner = redis.call('HGET', job_key(id), 'owner')
  if owner then redis.call('HSET', hook_key(id), 'owner', owner) end
end
return redis.call('HGETALL', hook_key(id))
