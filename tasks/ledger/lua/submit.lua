-- Accept a job: its idempotency key, its record, its first event and its place in the line, or nothing at all.
-- ARGV: id, model, owner, priority, line, ttl, longest queue, idempotency key or '', digest of the body, timeout seconds
--       or '', most jobs of the owner that have not ended or '' for any, then the record's fields and values.
-- Returns {'accepted', id}, {'known', id of the earlier job}, {'reused', ''}, {'draining', ''}, {'broken', why}, {'full', '', queue length,
-- seconds in which a job ends, or '' if unknown} or {'busy', jobs of the owner that have not ended}.
local id, model, owner, priority, line = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ttl, longest, key, digest, timeout = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local now = clock()

local idem = PREFIX .. 'idem:' .. owner .. ':' .. key
if key ~= '' then
  local known = redis.call('HMGET', idem, 'job', 'digest')
  if known[1] and redis.call('EXISTS', job_key(known[1])) == 1 then
    if known[2] ~= digest then return { 'reused', '' } end
    return { 'known', known[1] }
  end
end

if redis.call('GET', model_key('state', model)) == 'draining' then return { 'draining', '' } end
local broken = cannot_be_served(model, now, 1)
if broken then return { 'broken', broken } end
local depth = redis.call('ZCARD', model_key('pend', model))
if depth >= longest then return { 'full', '', tostring(depth), seconds_a_job(model, now) } end
local live = busy(owner, ARGV[11])
if live then return { 'busy', live } end

local at = stamp(now)
redis.call('HSET', job_key(id), 'created_at', at, 'place', at, 'line', line, 'ttl', ttl, 'fence', 0, unpack(ARGV, 12))
turn(id, 'queued', now)
enter_line(id, model, priority, now)
count_job(model, 'accepted', priority)
redis.call('ZADD', model_key('pend', model), at, id)
if timeout ~= '' then redis.call('ZADD', model_key('due', model), stamp(now + tonumber(timeout)), id) end
if key ~= '' then
  redis.call('HSET', idem, 'job', id, 'digest', digest)
  redis.call('HSET', job_key(id), 'idem', idem)
end
redis.call('ZADD', PREFIX .. 'jobs:' .. owner, at, id)
redis.call('SADD', live_key(owner), id)
return { 'accepted', id }
