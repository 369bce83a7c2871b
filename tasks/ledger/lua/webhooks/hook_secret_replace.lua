--- @include "lib/clock"

-- Replace an owner's webhook secret. The one before signs for a while, so does the one before that if it was replaced
-- just now.
--
-- Input:
--   ARGV[1]  owner
--   ARGV[2]  server   which secret of the server's it is made of
--   ARGV[3]  seconds  that a replaced one signs on
--   ARGV[4]  most     replaced ones that sign at once
-- Output:
--   how often the owner has replaced it
-- Events: none
local owner, server, seconds, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now, key = clock(), hook_secret_key(owner)
local turn = redis.call('HINCRBY', key, 'turn', 1)
redis.call('HSET', key, 'shown', server .. ':' .. turn, 'until:' .. (turn - 1), stamp(now + seconds))
redis.call('HDEL', key, 'until:' .. (turn - 1 - most))
return turn
