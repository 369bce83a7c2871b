--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/streams"

-- Have open streams count for so long from now.
--
-- Input:
--   ARGV[1]  seconds
--   ARGV[2..]  owner and id of each
-- Output:
--   how many
-- Events: none
local seconds = tonumber(ARGV[1])
even_if_full()
local now = clock()
for i = 2, #ARGV, 2 do hold_stream(ARGV[i], ARGV[i + 1], now, seconds) end
return (#ARGV - 1) / 2
