--- @include "lib/even_if_full"

-- A model stays wanted while a worker loads it; then its keep-alive begins, unless somebody has just unloaded it.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  milliseconds  for which it stays wanted: at least, while it loads
--   ARGV[3]  loaded        1 when it is loaded, else 0
-- Output:
--   1 if it is wanted, else 0
-- Events: none
local model, milliseconds, loaded = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
even_if_full()
local left = redis.call('PTTL', wanted_key(model))
if left < 0 then
  local asked = redis.call('GET', asked_key(model)) or ''
  if not loaded or string.sub(asked, 1, 6) == 'unload' then return 0 end
  redis.call('SADD', wanted_key(model), '1')
end
if loaded or left < milliseconds then redis.call('PEXPIRE', wanted_key(model), milliseconds) end
return 1
