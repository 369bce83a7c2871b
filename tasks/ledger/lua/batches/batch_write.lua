--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/record"
--- @include "lib/stored"

-- Write down how far a batch has come, under the fence of the clerk that works on it.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  fence
--   ARGV[3]  status        that it has to have
--   ARGV[4]  place         that it has to have, or ''
--   ARGV[5]  next_status   or '' if it keeps its own
--   ARGV[6]  kept_seconds  that an ended batch is kept
--   ARGV[7]  file_seconds  until a file expires, or ''
--   ARGV[8]  grown         the files that have grown, as JSON: [[id, filename, bytes, parts, version] ...]
--   ARGV[9]  most          bytes of the owner's files, or '' for any number
--   ARGV[10]  most_all      bytes of all owners' files, or '' for any number
--   ARGV[11..]  fields and values
-- Output:
--   'ok'
--   'lost'
--   'full', if the owner's files, or all, may not grow so far; what ends a batch is written all the same
--   its status, if that is another
-- Events: none
local id, fence, status, place, next_status = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local kept_seconds, file_seconds, grown, most, most_all = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9], ARGV[10]
even_if_full()
local now, key = clock(), batch_key(id)
local ended = { completed = 1, failed = 1, expired = 1, cancelled = 1 }
local batch = read(key, { 'fence', 'status', 'place', 'owner', 'input_file_id', 'earlier_output',
  'expires_at' })
if batch.fence ~= fence then return 'lost' end
for i = 11, #ARGV, 2 do  -- the same call again, after a lost reply
  if ARGV[i] == 'place' and ARGV[i + 1] == batch.place and batch.place ~= place then return 'ok' end
end
if (batch.place or '') ~= place then return 'lost' end
if batch.status ~= status then return batch.status end

local files, growth = cjson.decode(grown), 0
for _, file in ipairs(files) do
  growth = growth + counted_of(file[3]) - tonumber(redis.call('HGET', file_key(file[1]), 'counted') or '0')
end
local goes_on = status == 'in_progress' and tonumber(batch.expires_at) > now
if goes_on and growth > 0 and over_stored(batch.owner, '', growth, most, most_all, now) then return 'full' end

if #ARGV >= 11 then redis.call('HSET', key, unpack(ARGV, 11)) end
for _, file in ipairs(files) do
  local name = file_key(file[1])
  if redis.call('HSETNX', name, 'created_at', stamp(now)) == 1 then
    redis.call('HSET', name, 'id', file[1], 'v', file[5], 'owner', batch.owner, 'filename', file[2],
      'purpose', 'batch_output', 'uses', 1)
    redis.call('ZADD', files_key(batch.owner), stamp(now), file[1])
    if file_seconds ~= '' then
      local at = stamp(now + tonumber(file_seconds))
      redis.call('HSET', name, 'expires_at', at)
      redis.call('ZADD', old_files_key(), at, file[1])
    end
  end
  redis.call('HSET', name, 'bytes', file[3], 'parts', file[4])
  count_stored(file[1], batch.owner, file[3])
end

if next_status == '' then return 'ok' end
redis.call('HSET', key, 'status', next_status, next_status .. '_at', stamp(now))
if ended[next_status] then
  local own = redis.call('HMGET', key, 'output_file', 'error_file')
  for _, file in ipairs({ batch.input_file_id, batch.earlier_output or '', own[1] or '', own[2] or '' }) do
    local name = file_key(file)
    if file ~= '' and redis.call('EXISTS', name) == 1 then redis.call('HINCRBY', name, 'uses', -1) end
  end
  redis.call('HDEL', key, 'clerk', 'paused_at', 'earlier_output')
  redis.call('HINCRBY', key, 'fence', 1)
  release(held_batches_key(), id)
  redis.call('ZADD', old_batches_key(), stamp(now + kept_seconds), id)
end
return 'ok'
