--- @include "lib/absolve"
--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/event"
--- @include "lib/holds"
--- @include "lib/last_seq"
--- @include "lib/proves"
--- @include "lib/running"

-- Append what one step made, for many jobs at once. A job's part is refused when its fence is no longer the caller's.
-- Sending the same part again, after a lost reply, appends only what is missing.
--
-- Input:
--   ARGV[1]  worker
--   ARGV[2]  lease_seconds
--   ARGV[3]  digest         of the model's file
--   ARGV[4..]  for each job: id, fence, number of the first event, how many follow, the events
-- Output: for each job
--   'ok', or 'unread' if nobody heard of it
--   its present status, when the caller has lost it
--   'gap', when events before the first one are missing
-- Events:
--   log: what was given
local worker, lease_seconds, digest = ARGV[1], ARGV[2], ARGV[3]
even_if_full()
local holder, verdicts, at = { worker, lease_seconds, digest }, {}, 4
while at <= #ARGV do
  local id, fence, first, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local held, status = holds(id, fence, holder)
  local last = held and last_seq(id, fence)
  if not held then
    verdicts[#verdicts + 1] = status
  elseif first > last + 1 then
    verdicts[#verdicts + 1] = 'gap'
  else
    local events = {}
    for i = last - first + 2, count do events[#events + 1] = ARGV[at + 3 + i] end
    local readers = append(id, fence, last + 1, events)
    if proves(ARGV, at + 4, count) and redis.call('HGET', job_key(id), 'proven') ~= fence then
      local now = clock()
      redis.call('HSET', job_key(id), 'proven', fence, 'fails', 0, 'kills', 0, 'spared', 0, 'in_vain', 0, 'aside', 0)
      redis.call('HSETNX', job_key(id), 'first_token_at', stamp(now))
      local model = redis.call('HGET', job_key(id), 'model')
      redis.call('SREM', tokenless_key(model), id)
      has_slot(id, model, now)
      out_of_trouble(model)
    end
    verdicts[#verdicts + 1] = readers == 0 and 'unread' or 'ok'
  end
  at = at + 4 + count
end
return verdicts
