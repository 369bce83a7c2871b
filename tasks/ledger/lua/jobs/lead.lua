--- @include "lib/even_if_full"

-- Lead the sweep, or go on leading it.
--
-- Input:
--   ARGV[1]  process
--   ARGV[2]  seconds
-- Output:
--   {1 if it leads, else 0; how often somebody has asked for the models files to be read again, '' for never}
-- Events: none
local process, seconds = ARGV[1], ARGV[2]
even_if_full()
local leader, reloads = redis.call('GET', sweep_leader_key()), redis.call('GET', reloads_key()) or ''
if leader and leader ~= process then return { 0, reloads } end
redis.call('SET', sweep_leader_key(), process, 'EX', seconds)
return { 1, reloads }
