-- Which of some jobs need not be waited for any more.
--
-- Input:
--   ARGV[1]  owner  of the jobs, or '' for any; another's are as good as gone
--   ARGV[2..]  ids
-- Output:
--   {numbers of those that have ended, the bytes of their outcomes, numbers of those that are gone}, counted from 0
-- Events: none
local owner = ARGV[1]
local ended, sizes, gone = {}, {}, {}
for i = 2, #ARGV do
  local status, of = unpack(redis.call('HMGET', job_key(ARGV[i]), 'status', 'owner'))
  if not status or owner ~= '' and of ~= owner then
    gone[#gone + 1] = i - 2
  elseif ENDED[status] then
    ended[#ended + 1] = i - 2
    sizes[#sizes + 1] = redis.call('HSTRLEN', job_key(ARGV[i]), 'outcome')
  end
end
return { ended, sizes, gone }
