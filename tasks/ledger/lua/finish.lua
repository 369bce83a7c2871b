-- End a running job, under the fence of the worker that ran it.
-- ARGV: the holder (worker, lease seconds, digest), id, fence, how many events the worker has sent under it, status,
--       durations that the worker measured (a JSON list: duration, seconds ...), then fields of the record ('outcome',
--       'usage', 'error') and their values.
-- Returns 'ok', or the job's present status when the caller has lost it, or 'gap' when events are missing.
even_if_full()
local id, fence = ARGV[4], ARGV[5]
local answer = obstacle(id, fence, { ARGV[1], ARGV[2], ARGV[3] }, tonumber(ARGV[6]))
if answer then return answer end
conclude(id, ARGV[7], clock(), unpack(ARGV, 9))
if ARGV[7] == 'succeeded' then
  observe_success(id, cjson.decode(ARGV[8]))
  local model, line = unpack(redis.call('HMGET', job_key(id), 'model', 'line'))
  if line ~= 'small' then out_of_trouble(model) end  -- what needs no slot does not run the model
end
return 'ok'
