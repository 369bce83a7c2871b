--- @include "lib/crew"
--- @include "lib/even_if_full"

-- A worker has stopped.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  worker
-- Output:
--   'ok'
-- Events: none
local model, worker = ARGV[1], ARGV[2]
even_if_full()
redis.call('DEL', worker_key(worker))
forget_worker(model, worker)
return 'ok'
