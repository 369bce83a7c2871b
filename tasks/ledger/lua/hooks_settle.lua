-- Write down how an attempt to send a webhook went.
-- ARGV: id of the job, message, number of the call that held it, 'delivered', 'failed' or 'pending', seconds until the
--       next attempt, the answer's status or '', why there was none or ''.
-- Returns 'ok', or 'lost' if it is not the caller's any more: what has been delivered is so, whoever held it.
even_if_full()
even_if_full()
local id, verdict, now = ARGV[1], ARGV[4], clock()
local held = redis.call('HMGET', hook_key(id), 'message', 'calls', 'origin', 'attempts')
if held[1] ~= ARGV[2] or (held[2] ~= ARGV[3] and verdict ~= 'delivered') then return 'lost' end

local totals, result = PREFIX .. 'webhooks', ARGV[7]
if ARGV[6] ~= '' then result = string.sub(ARGV[6], 1, 1) .. 'xx' end
redis.call('HINCRBY', totals, 'attempt:' .. result, 1)
local attempts, next_at = tonumber(held[4]) + 1, cjson.null
if verdict == 'pending' then
  next_at = math.floor(now + tonumber(ARGV[5]))
  redis.call('HSET', hook_key(id), 'attempts', attempts)
  redis.call('ZREM', PREFIX .. 'hooks:out', id)
  wait_to_tell(id, held[3], stamp(now + tonumber(ARGV[5])))
else
  redis.call('HINCRBY', totals, verdict == 'delivered' and 'delivered' or 'given_up', 1)
  tell_nothing(id)
end
if redis.call('EXISTS', PREFIX .. 'hooks:' .. held[3]) == 1 then  -- there is room for another of this receiver's
  redis.call('ZADD', PREFIX .. 'hooks', 'LT', stamp(now), held[3])
end

if redis.call('EXISTS', job_key(id)) == 1 then
  redis.call('HSET', job_key(id), 'delivery', cjson.encode({
    status = verdict, attempts = attempts, next_at = next_at,
    last_status = ARGV[6] ~= '' and tonumber(ARGV[6]) or cjson.null, last_error = ARGV[7] ~= '' and ARGV[7] or cjson.null,
  }))
end
return 'ok'
