--- @include "lib/clock"
--- @include "lib/end"
--- @include "lib/even_if_full"
--- @include "lib/queued"

-- End the queued jobs of a model that no worker will serve.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  limit   jobs
--   ARGV[3]  error   of each, as JSON
-- Output:
--   ids of the jobs that ended
-- Events:
--   log: done
local model, limit, error = ARGV[1], tonumber(ARGV[2]), ARGV[3]
even_if_full()
local now, ended = clock(), {}
for _, id in ipairs(queued_in(model, LINES, limit)) do
  conclude(id, 'failed', now, 'error', error)
  ended[#ended + 1] = id
end
return ended
