--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/record"
--- @include "lib/webhook_drop"
--- @include "lib/webhook_due"

-- Write down how an attempt to send a webhook went. What has been delivered is so, whoever held it.
--
-- Input:
--   ARGV[1]  id             of the job
--   ARGV[2]  message
--   ARGV[3]  call           the number of the one that held it
--   ARGV[4]  verdict        'delivered', 'failed' or 'pending'
--   ARGV[5]  seconds        until the next attempt
--   ARGV[6]  answer_status  or ''
--   ARGV[7]  reason         why there was no answer, or ''
-- Output:
--   'ok'
--   'lost', if it is not the caller's any more
-- Events: none
local id, message, call, verdict = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local seconds, answer_status, reason = tonumber(ARGV[5]), ARGV[6], ARGV[7]
even_if_full()
local now, hook = clock(), read(hook_key(id), { 'message', 'calls', 'origin', 'attempts' })
if hook.message ~= message or (hook.calls ~= call and verdict ~= 'delivered') then return 'lost' end

local totals, result = webhooks_key(), reason
if answer_status ~= '' then result = string.sub(answer_status, 1, 1) .. 'xx' end
redis.call('HINCRBY', totals, 'attempt:' .. result, 1)
local attempts, next_at = tonumber(hook.attempts) + 1, cjson.null
if verdict == 'pending' then
  next_at = math.floor(now + seconds)
  redis.call('HSET', hook_key(id), 'attempts', attempts)
  release(webhooks_published_key(), id)
  wait_to_tell(id, hook.origin, stamp(now + seconds))
else
  redis.call('HINCRBY', totals, verdict == 'delivered' and 'delivered' or 'given_up', 1)
  tell_nothing(id)
end
if redis.call('EXISTS', receiver_key(hook.origin)) == 1 then  -- there is room for another of this receiver's
  redis.call('ZADD', receivers_key(), 'LT', stamp(now), hook.origin)
end

if redis.call('EXISTS', job_key(id)) == 1 then
  redis.call('HSET', job_key(id), 'delivery', cjson.encode({
    status = verdict, attempts = attempts, next_at = next_at,
    last_status = answer_status ~= '' and tonumber(answer_status) or cjson.null,
    last_error = reason ~= '' and reason or cjson.null,
  }))
end
return 'ok'
