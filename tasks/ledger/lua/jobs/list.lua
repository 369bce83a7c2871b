-- An owner's jobs that match, newest first. A filter that few jobs match does not hold Redis up: a call looks at so
-- many jobs and no more, and tells where the next goes on.
--
-- Input:
--   ARGV[1]  owner
--   ARGV[2]  after   id of the owner's job after which the list begins; '' for the newest
--   ARGV[3]  since   seconds: jobs accepted then or later; '' for all
--   ARGV[4]  before  seconds: jobs accepted earlier; '' for all
--   ARGV[5]  model   '' for any
--   ARGV[6]  status  '' for any
--   ARGV[7]  priority  '' for any
--   ARGV[8]  limit   jobs that are found at most
--   ARGV[9]  most    jobs that are looked at, at most
--   ARGV[10..]  names of metadata and their values
-- Output:
--   {last, id ...}, last being the job looked at last, or '' if there are no more; nil if `after` is not the owner's
-- Events: none
local owner, after, since, before = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local model, status, priority, limit, most = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local asked = { unpack(ARGV, 10) }

local function has_metadata(kept)
  if not asked[1] then return true end
  local metadata = cjson.decode(kept or '{}')
  for i = 1, #asked, 2 do
    if metadata[asked[i]] ~= asked[i + 1] then return false end
  end
  return true
end

local function matches(id)
  local kept = redis.call('HMGET', job_key(id), 'owner', 'model', 'status', 'metadata', 'priority')
  return kept[1] == owner and (model == '' or kept[2] == model) and (status == '' or kept[3] == status)
    and (priority == '' or kept[5] == priority) and has_metadata(kept[4])
end

local jobs, first = owned_key(owner), 0
if after ~= '' then
  local rank = redis.call('ZREVRANK', jobs, after)
  if not rank then return nil end
  first = rank + 1
end
if before ~= '' then first = math.max(first, redis.call('ZCOUNT', jobs, before, '+inf')) end
local total = redis.call('ZCOUNT', jobs, since == '' and '-inf' or since, '+inf')
if first >= total then return { '' } end

local found = { '' }
for i, id in ipairs(redis.call('ZREVRANGE', jobs, first, math.min(first + most, total) - 1)) do
  if matches(id) then found[#found + 1] = id end
  if first + i < total and (i == most or #found > limit) then found[1] = id end
  if #found > limit then break end
end
return found
