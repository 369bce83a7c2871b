--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/holds"
--- @include "lib/last_seq"
--- @include "lib/requeue"

-- Put a running job back into the line, under the fence of its worker, which stops, or has no slot for it any more.
--
-- Input:
--   ARGV[1]  worker
--   ARGV[2]  lease_seconds
--   ARGV[3]  digest         of the model's file
--   ARGV[4]  id
--   ARGV[5]  fence
--   ARGV[6]  num_events     that the worker has sent under the fence
--   ARGV[7]  reason         'drained': it stops; 'outranked': its slots are for more urgent jobs
-- Output:
--   'ok'
--   the job's present status, when the caller has lost it
--   'gap', when events are missing
-- Events:
--   log: queued
local worker, lease_seconds, digest, id, fence = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local num_events, reason = tonumber(ARGV[6]), ARGV[7]
even_if_full()
local held, status = holds(id, fence, { worker, lease_seconds, digest })
if not held then return status end
if last_seq(id, fence) < num_events then return 'gap' end
requeue(id, clock(), reason)
return 'ok'
