--- @include "lib/clock"
--- @include "lib/even_if_full"

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
for i = 2, #ARGV, 2 do
  for _, key in ipairs({ streams_key(ARGV[i]), all_streams_key() }) do
    redis.call('ZADD', key, stamp(now + seconds), ARGV[i + 1])
    redis.call('EXPIRE', key, math.ceil(seconds))
  end
end
return (#ARGV - 1) / 2
