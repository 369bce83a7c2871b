--- @include "lib/clock"
--- @include "lib/crew"
--- @include "lib/even_if_full"

-- A worker that serves says that it lives and what it holds.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  worker
--   ARGV[3]  seconds  until it counts as dead
--   ARGV[4]  computes  a digest of all that decides what it answers, where answers are kept, or ''
--   ARGV[5..]  fields of its report and their values
-- Output:
--   'ok'
-- Events: none
local model, worker, seconds, computes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
even_if_full()
local now = clock()
redis.call('HSET', worker_key(worker), 'model', model, unpack(ARGV, 5))
redis.call('EXPIRE', worker_key(worker), math.ceil(seconds))
redis.call('ZADD', workers_key(model), stamp(now + seconds), worker)
count_worker(model, worker)
forget_lapsed_workers(model, now)
redis.call('HDEL', starts_key(model), worker)
redis.call('SET', ready_key(model), 1)
if computes ~= '' then redis.call('SET', computes_key(model), computes) end
return 'ok'
