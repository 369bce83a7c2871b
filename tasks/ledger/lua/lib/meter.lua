--- @include "lib/rates"
--- @include "lib/settle"

-- The tokens that a job has taken of its key's minute: all of the prompt, and what was generated; none if it was given
-- the answer of another.
local function taken(id)
  local usage, repeats = unpack(redis.call('HMGET', job_key(id), 'usage', 'repeats'))
  if repeats then return 0 end
  if not usage then return math.floor(had_so_far(id)) end
  local had = cjson.decode(usage)
  return had.prompt_tokens + had.completion_tokens
end

-- A job was counted in advance, by the most that it may take. Now its key's minute is told what it took: what it did
-- not take is given back to the minute that it was counted in, if that one still counts, and what it took beyond is
-- counted now. `metered` is the number of tokens, the time of counting, and the key's id.
local function settle_tokens(id, now)
  local counted, at, key = string.match(redis.call('HGET', job_key(id), 'metered') or '', '^(%d+) ([%d.]+) (.+)$')
  if not counted then return end
  redis.call('HDEL', job_key(id), 'metered')
  local beyond, of = taken(id) - tonumber(counted), window('tokens', key, now)
  if beyond > 0 or tonumber(at) >= of.start then
    of.current = math.max(0, of.current + beyond)
  elseif tonumber(at) >= of.start - MINUTE then
    of.previous = math.max(0, of.previous + beyond)
  end
  keep_window('tokens', key, of)
end
