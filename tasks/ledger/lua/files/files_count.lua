--- @include "lib/stored"

-- Count files that an earlier release wrote down, which counted none.
--
-- Input:
--   ARGV[1]  owner
--   ARGV[2..]  ids
-- Output:
--   what all of them count, those that were counted before as well
-- Events: none
local owner = ARGV[1]
local sum = 0
for i = 2, #ARGV do
  local bytes, counted = unpack(redis.call('HMGET', file_key(ARGV[i]), 'bytes', 'counted'))
  if bytes and not counted then count_stored(ARGV[i], owner, bytes) end
  if bytes then sum = sum + tonumber(counted or counted_of(bytes)) end
end
return whole(sum)
