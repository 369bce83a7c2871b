-- What files count of their owners' bytes. A file counts what it has, and LEAST_FILE at least: it takes a record and a
-- block of the disk. `counted` of its record is what it counts, so that it counts once, whatever comes twice.

local LEAST_FILE = 4096

local function whole(number) return string.format('%.0f', number) end

local function counted_of(bytes) return math.max(LEAST_FILE, tonumber(bytes)) end

local function add_stored(owner, bytes)
  redis.call('INCRBY', stored_key(owner), whole(bytes))
  redis.call('INCRBY', all_stored_key(), whole(bytes))
end

-- A file that is there has so many bytes now.
local function count_stored(id, owner, bytes)
  local before, now = tonumber(redis.call('HGET', file_key(id), 'counted') or '0'), counted_of(bytes)
  redis.call('HSET', file_key(id), 'counted', whole(now))
  add_stored(owner, now - before)
end

-- What an owner and all owners have, with what uploads under way have been promised; `but` is one that is left out.
local function stored(owner, but, now)
  local own = tonumber(redis.call('GET', stored_key(owner)) or '0')
  local all = tonumber(redis.call('GET', all_stored_key()) or '0')
  local uploads = redis.call('HGETALL', uploads_key())
  for i = 1, #uploads, 2 do
    local lapses, bytes, whose = string.match(uploads[i + 1], '^([%d.]+) (%d+) (.*)$')
    if tonumber(lapses) <= now then
      redis.call('HDEL', uploads_key(), uploads[i])
    elseif uploads[i] ~= but then
      all = all + tonumber(bytes)
      if whose == owner then own = own + tonumber(bytes) end
    end
  end
  return own, all
end

-- Whether so many bytes more are too many: 'full' for the owner, 'all_full' for all, with what there is; or nothing.
-- most, most_all: numbers, or '' for any.
local function over_stored(owner, but, bytes, most, most_all, now)
  if most == '' and most_all == '' then return end
  local own, all = stored(owner, but, now)
  if most ~= '' and own + bytes > tonumber(most) then return 'full', whole(own) end
  if most_all ~= '' and all + bytes > tonumber(most_all) then return 'all_full', whole(all) end
end
