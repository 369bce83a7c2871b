-- Which jobs a batch need not wait for any more.
--
-- Input:
--   ARGV[1..]  ids
-- Output:
--   {numbers of those that have ended, numbers of those that are gone}, counted from 0
-- Events: none
local ended, gone = {}, {}
for i, id in ipairs(ARGV) do
  local status = redis.call('HGET', job_key(id), 'status')
  if not status then
    gone[#gone + 1] = i - 1
  elseif ENDED[status] then
    ended[#ended + 1] = i - 1
  end
end
return { ended, gone }
