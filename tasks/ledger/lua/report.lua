-- A worker that serves says that it lives and what it holds. ARGV: model, worker, seconds until it counts as dead, field, value ...
even_if_full()
local key = model_key('worker', ARGV[2])
redis.call('HSET', key, 'model', ARGV[1], unpack(ARGV, 4))
redis.call('EXPIRE', key, math.ceil(tonumber(ARGV[3])))
redis.call('ZADD', model_key('workers', ARGV[1]), stamp(clock() + tonumber(ARGV[3])), ARGV[2])
redis.call('ZREMRANGEBYSCORE', model_key('workers', ARGV[1]), '-inf', stamp(clock() - 3600))
redis.call('HDEL', model_key('starts', ARGV[1]), ARGV[2])
redis.call('SET', model_key('ready', ARGV[1]), 1)
return 'ok'
