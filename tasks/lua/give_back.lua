-- Put running jobs back at their old places in the line, each under the fence of its worker, which lives.
-- ARGV: why ('drained': it stops; 'outranked': its slot is for a more urgent one), then id and fence of each. Returns how many went back.
even_if_full()
local now, count = clock(), 0
for i = 2, #ARGV, 2 do
  local job = redis.call('HMGET', job_key(ARGV[i]), 'fence', 'status')
  if job[1] == ARGV[i + 1] and job[2] == 'running' then
    give_back(ARGV[i], now, ARGV[1])
    count = count + 1
  end
end
return count
