--- @include "lib/clock"
--- @include "lib/stored"

-- Keep the record of a file that lies in the store: it counts, and what was promised to its upload does not.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner
--   ARGV[3]  seconds  until it expires, or ''
--   ARGV[4..]  the record's fields and values
-- Output:
--   when it was made
-- Events: none
local id, owner, seconds = ARGV[1], ARGV[2], ARGV[3]
local now, file = clock(), file_key(id)
redis.call('HSET', file, 'id', id, 'owner', owner, 'created_at', stamp(now), 'uses', 0, unpack(ARGV, 4))
redis.call('ZADD', files_key(owner), stamp(now), id)
redis.call('HDEL', uploads_key(), id)
count_stored(id, owner, redis.call('HGET', file, 'bytes'))
if seconds ~= '' then
  local at = stamp(now + tonumber(seconds))
  redis.call('HSET', file, 'expires_at', at)
  redis.call('ZADD', old_files_key(), at, id)
end
return stamp(now)
