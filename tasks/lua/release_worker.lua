-- A worker starts: what its earlier self was running under the same name died with it. ARGV: model, worker, most fails.
-- Returns how many jobs went back to the line or to the dead letters.
local model, now, count = ARGV[1], clock(), 0
for _, id in ipairs(redis.call('ZRANGE', model_key('run', model), 0, -1)) do
  if redis.call('HGET', job_key(id), 'worker') == ARGV[2] then
    give_back(id, 1, now, tonumber(ARGV[3]))
    count = count + 1
  end
end
return count
