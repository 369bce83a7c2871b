-- Put published jobs that their worker will not claim back at their places in the line. ARGV: model, ids.
even_if_full()
for i = 2, #ARGV do
  if redis.call('ZREM', model_key('out', ARGV[1]), ARGV[i]) == 1 then
    local place = redis.call('HGET', job_key(ARGV[i]), 'place')
    if place then redis.call('ZADD', model_key('wait', ARGV[1]), place, ARGV[i]) end
  end
end
return 'ok'
