--- @include "lib/clock"
--- @include "lib/even_if_full"
--- @include "lib/lease"
--- @include "lib/record"

-- Do what is asked of a batch.
--
-- Input:
--   ARGV[1]  id
--   ARGV[2]  owner   or '' for any
--   ARGV[3]  act     'cancel', 'pause', 'resume' or 'retry'
--   ARGV[4]  output  id of the new output file, for a retry
--   ARGV[5]  errors  id of the new error file, for a retry
-- Output:
--   {'ok'}
--   {'unknown'}
--   {'none'}, if no line is to be run again
--   {'gone'}, if its answers or its input are not there any more
--   {status}, in which that cannot be asked
-- Events: none
local id, owner, act, output, errors = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
even_if_full()
local now, key = clock(), batch_key(id)
local batch = read(key, { 'owner', 'status', 'expires_at', 'window', 'input_file_id', 'total', 'completed',
  'output_file' })
local status = batch.status
if not status or (owner ~= '' and batch.owner ~= owner) then return { 'unknown' } end
local live = status == 'validating' or status == 'in_progress'
-- It is looked at now, if no clerk has it.
local function wake()
  if is_leased(held_batches_key(), id) then return end
  redis.call('ZADD', waiting_batches_key(), stamp(now), id)
end

if act == 'retry' then
  if status ~= 'completed' and status ~= 'expired' and status ~= 'cancelled' then return { status } end
  if tonumber(batch.total or '0') <= tonumber(batch.completed or '0') then return { 'none' } end
  local input, earlier = file_key(batch.input_file_id), file_key(batch.output_file)
  if redis.call('EXISTS', input) == 0 then return { 'gone' } end
  local answered = redis.call('EXISTS', earlier)
  if tonumber(batch.completed) > 0 and answered == 0 then return { 'gone' } end
  redis.call('HINCRBY', input, 'uses', 1)
  if answered == 1 then redis.call('HINCRBY', earlier, 'uses', 1) end
  redis.call('HDEL', key, 'place', 'finalizing_at', 'completed_at', 'expired_at', 'cancelling_at', 'cancelled_at',
    'paused_at', 'in_progress_at', 'input_tokens', 'cached_tokens', 'output_tokens', 'output_parts',
    'error_parts', 'answered', 'left_out')
  redis.call('HINCRBY', key, 'round', 1)
  redis.call('HSET', key, 'status', 'in_progress', 'in_progress_at', stamp(now), 'completed', 0, 'failed', 0,
    'earlier_output', answered == 1 and batch.output_file or '',
    'output_file', output, 'error_file', errors, 'expires_at', stamp(now + tonumber(batch.window)))
  redis.call('ZREM', old_batches_key(), id)
  wake()
elseif not live then
  return { status }
elseif act == 'cancel' then
  redis.call('HSET', key, 'status', 'cancelling', 'cancelling_at', stamp(now))
  redis.call('HDEL', key, 'paused_at')
  wake()
elseif act == 'pause' then
  redis.call('HSETNX', key, 'paused_at', stamp(now))
  redis.call('ZADD', waiting_batches_key(), 'XX', batch.expires_at, id)
elseif act == 'resume' then
  redis.call('HDEL', key, 'paused_at')
  wake()
end
return { 'ok' }
