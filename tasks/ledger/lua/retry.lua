-- Run a job again that ended without success, from its beginning. ARGV: id, owner or '' for any, longest queue, most
--       jobs of its owner that have not ended or '' for any.
-- Returns {'retried', model}, {'full', queue length, seconds in which a job ends, or ''}, {'draining'}, {'broken', why}, {'busy', jobs of
-- the owner that have not ended} or {status}.
local id, now = ARGV[1], clock()
local job = redis.call('HMGET', job_key(id), 'status', 'model', 'owner', 'priority', 'timeout', 'idem')
local status, model, owner = job[1], job[2], job[3]
if not status or (ARGV[2] ~= '' and owner ~= ARGV[2]) then return { 'unknown' } end
if not ENDED[status] or status == 'succeeded' then return { status } end
if redis.call('GET', model_key('state', model)) == 'draining' then return { 'draining' } end
local broken = cannot_be_served(model, now, 1)
if broken then return { 'broken', broken } end
local depth = redis.call('ZCARD', model_key('pend', model))
if depth >= tonumber(ARGV[3]) then return { 'full', tostring(depth), seconds_a_job(model, now) } end
local live = busy(owner, ARGV[4])
if live then return { 'busy', live } end

redis.call('HSET', job_key(id), 'place', stamp(now))  -- the first write is one that full memory refuses, as it does a new job
redis.call('ZREM', PREFIX .. 'ended', listing(id, model, owner))
redis.call('ZREM', model_key('dlq', model), id)
redis.call('HDEL', trouble_key(model), id)
redis.call('DEL', PREFIX .. 'log:' .. id)
tell_nothing(id)  -- what is to be told is how it ends now
redis.call('PERSIST', job_key(id))
if job[6] then redis.call('PERSIST', job[6]) end
redis.call('HDEL', job_key(id), 'error', 'started_at', 'first_token_at', 'finished_at', 'worker', 'claims', 'fails',
  'kills', 'verdict', 'aside', 'absolved', 'failures', 'last_error', 'given_back', 'in_vain', 'charged', 'paid', 'proven', 'spare', 'spared', 'deaths',
  'model_digest', 'delivery')

turn(id, 'queued', now)
enter_line(id, model, job[4], now)
count_job(model, 'accepted', job[4])
redis.call('ZADD', model_key('pend', model), stamp(now), id)
redis.call('SADD', live_key(owner), id)
if job[5] then redis.call('ZADD', model_key('due', model), stamp(now + tonumber(job[5])), id) end
return { 'retried', model }
