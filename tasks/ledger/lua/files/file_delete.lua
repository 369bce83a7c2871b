--- @include "lib/even_if_full"
--- @include "lib/stored"

-- Forget a file, unless a batch that has not ended works with it.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner  or '' for any
-- Output:
--   {'deleted', its parts}
--   {'used'}
--   {'unknown'}
-- Events: none
local id, owner = ARGV[1], ARGV[2]
even_if_full()
local whose, uses, parts, counted =
  unpack(redis.call('HMGET', file_key(id), 'owner', 'uses', 'parts', 'counted'))
if not whose or (owner ~= '' and whose ~= owner) then return { 'unknown' } end
if tonumber(uses) > 0 then return { 'used' } end
redis.call('DEL', file_key(id))
if counted then add_stored(whose, -tonumber(counted)) end
redis.call('ZREM', files_key(whose), id)
redis.call('ZREM', old_files_key(), id)
return { 'deleted', parts }
