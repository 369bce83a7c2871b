-- Put running jobs back at their old place in the line, each under the fence of its worker.
-- ARGV: blame (0 or 1), most fails, then id and fence of each. Returns how many went back.
local blame, max_fails, now, count = tonumber(ARGV[1]), tonumber(ARGV[2]), clock(), 0
for i = 3, #ARGV, 2 do
  local job = redis.call('HMGET', job_key(ARGV[i]), 'fence', 'status')
  if job[1] == ARGV[i + 1] and job[2] == 'running' then
    give_back(ARGV[i], blame, now, max_fails)
    count = count + 1
  end
end
return count
