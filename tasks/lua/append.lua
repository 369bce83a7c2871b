-- Append what one step made, for many jobs at once. A job's part is refused when its fence is no longer the caller's.
-- ARGV: worker, lease seconds, then for each job: id, fence, number of the first event, how many follow, the events.
-- Returns for each job 'ok', or its present status when the caller has lost it, or 'gap' when events before the first
-- one are missing. Sending the same part again, after a lost reply, appends only what is missing.
even_if_full()
local worker, lease_until = ARGV[1], stamp(clock() + tonumber(ARGV[2]))
local verdicts, at = {}, 3
while at <= #ARGV do
  local id, fence, first, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local held, status = holds(id, fence, worker, lease_until)
  if not held then
    verdicts[#verdicts + 1] = status
  else
    local last = redis.call('XREVRANGE', PREFIX .. 'log:' .. id, '+', '-', 'COUNT', 1)[1]
    local top = last and tonumber(string.match(last[1], '^' .. fence .. '%-(%d+)$')) or -1
    if first > top + 1 then
      verdicts[#verdicts + 1] = 'gap'
    else
      local events = {}
      for i = top - first + 2, count do events[#events + 1] = ARGV[at + 3 + i] end
      append(id, fence, top + 1, events)
      if redis.call('HGET', job_key(id), 'proven') ~= fence then
        redis.call('HSET', job_key(id), 'proven', fence, 'fails', 0, 'spared', 0)
      end
      verdicts[#verdicts + 1] = 'ok'
    end
  end
  at = at + 4 + count
end
return verdicts
