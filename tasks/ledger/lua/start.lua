-- A worker that does not serve yet says how its start goes. ARGV: model, worker, seconds until that is forgotten, JSON
-- with `state`: 'loading', or 'failed' with a `reason`.
even_if_full()
local start = cjson.decode(ARGV[4])
start['until'] = clock() + tonumber(ARGV[3])
local key = model_key('starts', ARGV[1])
redis.call('HSET', key, ARGV[2], cjson.encode(start))
redis.call('EXPIRE', key, math.ceil(tonumber(ARGV[3])))
return 'ok'
