--- @include "lib/absolve"
--- @include "lib/answers"
--- @include "lib/check_can_end"
--- @include "lib/clock"
--- @include "lib/durations"
--- @include "lib/end"
--- @include "lib/even_if_full"

-- End a running job, under the fence of the worker that ran it.
--
-- Input:
--   ARGV[1]  worker
--   ARGV[2]  lease_seconds
--   ARGV[3]  digest         of the model's file
--   ARGV[4]  id
--   ARGV[5]  fence
--   ARGV[6]  num_events     that the worker has sent under the fence
--   ARGV[7]  status         'succeeded' or 'failed'
--   ARGV[8]  durations      that the worker measured, as a JSON list: duration, seconds ...
--   ARGV[9]  computes       as the claim has it, if its answer may be kept, or ''
--   ARGV[10]  same_until     when the same request makes another prompt, or '' for never
--   ARGV[11..]  fields of the record ('outcome', 'usage', 'error') and their values
-- Output:
--   'ok'
--   the job's present status, when the caller has lost it
--   'gap', when events are missing
-- Events:
--   log: done
local worker, lease_seconds, digest, id, fence = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local num_events, status, durations, computes, same_until = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9], ARGV[10]
even_if_full()
local answer = check_can_end(id, fence, { worker, lease_seconds, digest }, num_events)
if answer then return answer end
local now = clock()
conclude(id, status, now, unpack(ARGV, 11))
if computes ~= '' then keep_answer(id, computes, same_until, now) end
if status == 'succeeded' then
  observe_success(id, cjson.decode(durations))
  local model, line = unpack(redis.call('HMGET', job_key(id), 'model', 'line'))
  if line ~= SLOTLESS then out_of_trouble(model) end  -- what needs no slot does not run the model
end
return 'ok'
