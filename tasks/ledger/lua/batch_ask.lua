-- What is asked of a batch. ARGV: id, owner or '' for any, 'cancel', 'pause', 'resume' or 'retry'; for a retry also the ids
-- of its new output and error files. Returns {'ok'}, {'unknown'}, {'none'} if no line is to be run again, {'gone'} if its
-- answers or its input are not there any more, or {status}.
even_if_full()
local id, act, now = ARGV[1], ARGV[3], clock()
local key, line, held = PREFIX .. 'batch:' .. id, PREFIX .. 'bulk:line', PREFIX .. 'bulk:held'
local fields = { 'owner', 'status', 'expires_at', 'window', 'input_file_id', 'total', 'completed', 'output_file' }
local batch = {}
for i, value in ipairs(redis.call('HMGET', key, unpack(fields))) do batch[fields[i]] = value or nil end
local status = batch.status
if not status or (ARGV[2] ~= '' and batch.owner ~= ARGV[2]) then return { 'unknown' } end
local live = status == 'validating' or status == 'in_progress'

-- It is looked at now, if no clerk has it.
local function wake() if not redis.call('ZSCORE', held, id) then redis.call('ZADD', line, stamp(now), id) end end

if act == 'retry' then
  if status ~= 'completed' and status ~= 'expired' and status ~= 'cancelled' then return { status } end
  if tonumber(batch.total or '0') <= tonumber(batch.completed or '0') then return { 'none' } end
  local input, output = PREFIX .. 'file:' .. batch.input_file_id, PREFIX .. 'file:' .. batch.output_file
  if redis.call('EXISTS', input) == 0 then return { 'gone' } end
  local answered = redis.call('EXISTS', output)
  if tonumber(batch.completed) > 0 and answered == 0 then return { 'gone' } end
  redis.call('HINCRBY', input, 'uses', 1)
  if answered == 1 then redis.call('HINCRBY', output, 'uses', 1) end
  redis.call('HDEL', key, 'place', 'finalizing_at', 'completed_at', 'expired_at', 'cancelling_at', 'cancelled_at', 'paused_at',
    'in_progress_at', 'input_tokens', 'cached_tokens', 'output_tokens', 'output_parts', 'error_parts', 'answered')
  redis.call('HINCRBY', key, 'round', 1)
  redis.call('HSET', key, 'status', 'in_progress', 'in_progress_at', stamp(now), 'completed', 0, 'failed', 0,
    'earlier_output', answered == 1 and batch.output_file or '',
    'output_file', ARGV[4], 'error_file', ARGV[5], 'expires_at', stamp(now + tonumber(batch.window)))
  redis.call('ZREM', PREFIX .. 'bulk:old', id)
  wake()
elseif not live then
  return { status }
elseif act == 'cancel' then
  redis.call('HSET', key, 'status', 'cancelling', 'cancelling_at', stamp(now))
  redis.call('HDEL', key, 'paused_at')
  wake()
elseif act == 'pause' then
  redis.call('HSETNX', key, 'paused_at', stamp(now))
  if redis.call('ZSCORE', line, id) then redis.call('ZADD', line, batch.expires_at, id) end
elseif act == 'resume' then
  redis.call('HDEL', key, 'paused_at')
  wake()
end
return { 'ok' }
