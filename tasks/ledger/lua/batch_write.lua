-- Write down how far a batch has come, under the fence of the clerk that works on it.
-- ARGV: id, fence, status that it has to have, place that it has to have or '', its next status or '', seconds that an ended
--       batch is kept, seconds until a file expires or '', JSON of the files that have grown ([[id, filename, bytes, parts, version] ...]),
--       then fields and values. Returns 'ok', 'lost', or its status if that is another.
even_if_full()
local id, key, now, ended = ARGV[1], PREFIX .. 'batch:' .. ARGV[1], clock(), { completed = 1, failed = 1, expired = 1, cancelled = 1 }
local fields = { 'fence', 'status', 'place', 'owner', 'input_file_id', 'earlier_output' }
local batch = {}
for i, value in ipairs(redis.call('HMGET', key, unpack(fields))) do batch[fields[i]] = value or nil end
if batch.fence ~= ARGV[2] then return 'lost' end
for i = 9, #ARGV, 2 do  -- the same call again, after a lost reply
  if ARGV[i] == 'place' and ARGV[i + 1] == batch.place and batch.place ~= ARGV[4] then return 'ok' end
end
if (batch.place or '') ~= ARGV[4] then return 'lost' end
if batch.status ~= ARGV[3] then return batch.status end

if ARGV[9] then redis.call('HSET', key, unpack(ARGV, 9)) end
for _, file in ipairs(cjson.decode(ARGV[8])) do
  local name = PREFIX .. 'file:' .. file[1]
  if redis.call('HSETNX', name, 'created_at', stamp(now)) == 1 then
    redis.call('HSET', name, 'id', file[1], 'v', file[5], 'owner', batch.owner, 'filename', file[2], 'purpose', 'batch_output', 'uses', 1)
    redis.call('ZADD', PREFIX .. 'files:' .. batch.owner, stamp(now), file[1])
    if ARGV[7] ~= '' then
      local at = stamp(now + tonumber(ARGV[7]))
      redis.call('HSET', name, 'expires_at', at)
      redis.call('ZADD', PREFIX .. 'files:old', at, file[1])
    end
  end
  redis.call('HSET', name, 'bytes', file[3], 'parts', file[4])
end

local status = ARGV[5]
if status == '' then return 'ok' end
redis.call('HSET', key, 'status', status, status .. '_at', stamp(now))
if ended[status] then
  local own = redis.call('HMGET', key, 'output_file', 'error_file')
  for _, file in ipairs({ batch.input_file_id, batch.earlier_output or '', own[1] or '', own[2] or '' }) do
    local name = PREFIX .. 'file:' .. file
    if file ~= '' and redis.call('EXISTS', name) == 1 then redis.call('HINCRBY', name, 'uses', -1) end
  end
  redis.call('HDEL', key, 'clerk', 'paused_at', 'earlier_output')
  redis.call('HINCRBY', key, 'fence', 1)
  redis.call('ZREM', PREFIX .. 'bulk:held', id)
  redis.call('ZADD', PREFIX .. 'bulk:old', stamp(now + tonumber(ARGV[6])), id)
end
return 'ok'
