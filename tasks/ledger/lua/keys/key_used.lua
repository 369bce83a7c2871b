-- Write down when a key was used last. A key that was revoked meanwhile does not come back as a stump.
--
-- Input:
--   ARGV[1]  digest   of the key's secret
--   ARGV[2]  used_at
-- Output:
--   'ok'
-- Events: none
local digest, used_at = ARGV[1], ARGV[2]
if redis.call('EXISTS', key_key(digest)) == 1 then redis.call('HSET', key_key(digest), 'last_used_at', used_at) end
return 'ok'
