--- @include "lib/account"

-- How much of a model each owner has at the moment: jobs whose turn has come and that have not ended, each over its
-- weight. A job's record has the member of the set by which it is counted.
--
-- owners_begun_key  weight and owner, by that sum

local BEGUN_SECONDS = 86400

local function party(owner, weight) return tokens(weight_of(weight)) .. ' ' .. owner end

local function each_of(member) return 1 / tonumber(string.match(member, '^%S+')) end

local function add_share(model, member, jobs)
  local key = owners_begun_key(model)
  local sum = redis.call('ZINCRBY', key, tokens(jobs * each_of(member)), member)
  if tonumber(sum) < 0.0005 then redis.call('ZREM', key, member) end
  redis.call('EXPIRE', key, BEGUN_SECONDS)
end

-- What needs no slot takes nothing from others.
local function begin_share(id)
  local model, line, owner, weight = unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'weight'))
  if line == SLOTLESS then return end
  redis.call('HSET', job_key(id), 'begun', party(owner, weight))
  add_share(model, party(owner, weight), 1)
end

local function end_share(id)
  local model, member = unpack(redis.call('HMGET', job_key(id), 'model', 'begun'))
  if not member then return end
  redis.call('HDEL', job_key(id), 'begun')
  add_share(model, member, -1)
end

-- Whether an owner gets one more job from the owner who has most, and that one keeps as much.
local function has_too_few(model, owner, weight)
  local key, member = owners_begun_key(model), party(owner, weight)
  local most, sum = unpack(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES'))
  if not most then return false end
  local has = tonumber(redis.call('ZSCORE', key, member) or '0')
  return has + each_of(member) <= tonumber(sum) - each_of(most) + 0.0005
end
