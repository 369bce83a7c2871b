--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/rates"

-- Let a request in: count it in windows of limits, and note the stream that it holds open. What is refused for its
-- streams has been counted in the windows.
--
-- Input:
--   ARGV[1]  stream    its id, or '' if it holds none
--   ARGV[2]  owner     of the stream
--   ARGV[3]  seconds   that the stream counts, unless it is renewed
--   ARGV[4]  most      streams of the owner
--   ARGV[5]  most_all  streams of all owners
--   ARGV[6..]  windows: kind, whose, limit and cost of each
-- Output:
--   {verdict, number, now, minute before, its seconds left, this minute, its seconds left ...}: four for each window
--   verdict 'in'; 'rate', where the number is that of the window that has not so much left; or 'streams' or
--   'all_streams', where it is how many are open
-- Events: none
local stream, owner, seconds, most, most_all = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
even_if_full()
local now, windows, over = clock(), {}, nil
for i = 6, #ARGV, 4 do
  local found = window(ARGV[i], ARGV[i + 1], now)
  windows[#windows + 1] = found
  if not over and used(found) + tonumber(ARGV[i + 3]) > tonumber(ARGV[i + 2]) then over = #windows end
end

local function answer(verdict, number)
  local reply = { verdict, number, stamp(now) }
  for _, of in ipairs(windows) do
    for _, each in ipairs({ of.previous, stamp(MINUTE - of.age), of.current, stamp(2 * MINUTE - of.age) }) do
      reply[#reply + 1] = tostring(each)
    end
  end
  return reply
end

if over then return answer('rate', over) end
for number, of in ipairs(windows) do
  local i = 6 + 4 * (number - 1)
  of.current = of.current + tonumber(ARGV[i + 3])
  keep_window(ARGV[i], ARGV[i + 1], of)
end
if stream == '' then return answer('in', 0) end

for name, limit in pairs({ streams = most, all_streams = most_all }) do
  local key = name == 'streams' and streams_key(owner) or all_streams_key()
  redis.call('ZREMRANGEBYSCORE', key, '-inf', stamp(now))
  local open = redis.call('ZCARD', key)
  if open >= limit then return answer(name, open) end
end
for _, key in ipairs({ streams_key(owner), all_streams_key() }) do
  redis.call('ZADD', key, stamp(now + seconds), stream)
  redis.call('EXPIRE', key, math.ceil(seconds))
end
return answer('in', 0)
