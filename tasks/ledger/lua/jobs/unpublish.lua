--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lanes"

-- Put published jobs that their worker will not claim back at their places in the line.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2..]  ids
-- Output:
--   'ok'
-- Events: none
local model = ARGV[1]
even_if_full()
local now = clock()
for i = 2, #ARGV do
  if redis.call('ZREM', published_key(model), ARGV[i]) == 1 then enter_lane(ARGV[i], now) end
end
return 'ok'
