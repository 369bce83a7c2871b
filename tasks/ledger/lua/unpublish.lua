-- Put published jobs that their worker will not claim back at their places in the line. ARGV: model, ids.
even_if_full()
local now = clock()
for i = 2, #ARGV do
  if redis.call('ZREM', model_key('out', ARGV[1]), ARGV[i]) == 1 then enter_lane(ARGV[i], now) end
end
return 'ok'
