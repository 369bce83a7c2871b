--- @include "lib/even_if_full"

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
local whose, uses, parts = unpack(redis.call('HMGET', file_key(id), 'owner', 'uses', 'parts'))
if not whose or (owner ~= '' and whose ~= owner) then return { 'unknown' } end
if tonumber(uses) > 0 then return { 'used' } end
redis.call('DEL', file_key(id))
redis.call('ZREM', files_key(whose), id)
redis.call('ZREM', old_files_key(), id)
return { 'deleted', parts }
