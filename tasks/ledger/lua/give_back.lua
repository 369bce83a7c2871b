-- Put a running job back into the line, under the fence of its worker, which stops, or has no slot for it any more.
-- ARGV: the holder (worker, lease seconds, digest), id, fence, how many events the worker has sent under it,
--       why ('drained': it stops; 'outranked': its slots are for more urgent ones).
-- Returns 'ok', or the job's present status when the caller has lost it, or 'gap' when events are missing.
even_if_full()
local id, fence = ARGV[4], ARGV[5]
local held, status = holds(id, fence, { ARGV[1], ARGV[2], ARGV[3] })
if not held then return status end
if top(id, fence) < tonumber(ARGV[6]) then return 'gap' end
give_back(id, clock(), ARGV[7])
return 'ok'
