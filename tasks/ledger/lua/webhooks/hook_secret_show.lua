-- Note that an owner's webhook secret is shown, once.
--
-- Input:
--   ARGV[1]  owner
--   ARGV[2]  server  which secret of the server's it is made of
-- Output:
--   how often the owner has replaced it
--   nil, if it was shown
-- Events: none
local owner, server = ARGV[1], ARGV[2]
local key = hook_secret_key(owner)
local turn = redis.call('HGET', key, 'turn') or '0'
local shown = server .. ':' .. turn
if redis.call('HGET', key, 'shown') == shown then return nil end
redis.call('HSET', key, 'shown', shown)
return turn
