--- @include "lib/clock"
--- @include "lib/even_if_full"

-- A worker that does not serve yet says how its start goes.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  worker
--   ARGV[3]  seconds  until that is forgotten
--   ARGV[4]  report   as JSON, with `state`: 'loading', or 'failed' with a `reason`
-- Output:
--   'ok'
-- Events: none
local model, worker, seconds, report = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
even_if_full()
local start = cjson.decode(report)
start['until'] = clock() + seconds
redis.call('HSET', starts_key(model), worker, cjson.encode(start))
redis.call('EXPIRE', starts_key(model), math.ceil(seconds))
return 'ok'
