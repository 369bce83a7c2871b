-- Put published jobs that their worker will not claim back at their places in the line. ARGV: model, ids.
even_if_full()
for i = 2, #ARGV do
  if redis.call('ZREM', model_key('out', ARGV[1]), ARGV[i]) == 1 then line_up_again(ARGV[i], ARGV[1]) end
end
return 'ok'
