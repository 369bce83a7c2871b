--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/rates"
--- @include "lib/streams"

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

for _, of in ipairs({ { 'streams', streams_key(owner), most }, { 'all_streams', all_streams_key(), most_all } }) do
  local open = open_streams(of[2], now)
  if open >= of[3] then return answer(of[1], open) end
end
hold_stream(owner, stream, now, seconds)
return answer('in', 0)
