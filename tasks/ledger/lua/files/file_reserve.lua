--- @include "lib/clock"
--- @include "lib/stored"

-- Promise an upload room for so many bytes, instead of those that it was promised before.
--
-- Input:
--   ARGV[1]  id        of the file
--   ARGV[2]  owner
--   ARGV[3]  bytes     of the whole file
--   ARGV[4]  seconds   that the promise holds
--   ARGV[5]  most      bytes of the owner, or '' for any number
--   ARGV[6]  most_all  bytes of all owners, or '' for any number
-- Output:
--   {'reserved'}
--   {'full', bytes that the owner has}
--   {'all_full', bytes that all owners have}
-- Events: none
local id, owner, bytes, seconds, most, most_all = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local now = clock()
local verdict, there = over_stored(owner, id, counted_of(bytes), most, most_all, now)
if verdict then return { verdict, there } end
redis.call('HSET', uploads_key(), id, stamp(now + seconds) .. ' ' .. whole(counted_of(bytes)) .. ' ' .. owner)
redis.call('EXPIRE', uploads_key(), math.ceil(seconds))
return { 'reserved' }
