--- @include "lib/clock"
--- @include "lib/crew"
--- @include "lib/even_if_full"
--- @include "lib/patience"
--- @include "lib/trouble"
--- @include "lib/turns"

-- Move jobs from the head of the line to the published ones, as many as live workers have room for; the caller
-- publishes them. Where every job seems to kill its worker, one at a time is let through, later each time.
-- What needs no slot takes no room. `high` and `normal` jobs find room where `low` ones run, which give way to them,
-- and where another owner has so much more that the engine shares it out; each worker takes in twice what it has slots.
--
-- Input:
--   ARGV[1]  model
--   ARGV[2]  ageing_seconds  after which a line's turn comes by its age
--   ARGV[3]  most_slotless   jobs that need no slot that are published or running at once
--   ARGV[4]  limit           jobs that are moved at most
-- Output:
--   {id ...}; as many as `limit` means that there may be more
-- Events: none
local model, ageing_seconds, most_slotless, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
even_if_full()
local now = clock()
if redis.call('GET', queue_state_key(model)) == 'paused' then return {} end
local crew = crew_of(model, now)
if crew.workers == 0 then return {} end

local out, run = published_key(model), running_key(model)
local slotless = redis.call('SCARD', slotless_key(model))
local room = crew.capacity + slotless - redis.call('ZCARD', out) - redis.call('ZCARD', run)
if redis.call('ZCARD', out) + redis.call('ZCARD', run) == 0 then redis.call('DEL', owners_begun_key(model)) end
local giving_way = redis.call('ZCOUNT', giving_way_key(model), '-inf', stamp(now))

local ids = {}
local function publish(id)
  ids[#ids + 1] = id
  redis.call('ZADD', out, stamp(now), id)
end

for _ = slotless + 1, most_slotless do
  local id = pick_next(model, SLOTLESS, now)
  if not id then break end
  redis.call('SADD', slotless_key(model), id)
  publish(id)
end
while #ids < limit do
  local line, by_age = next_line(model, now, ageing_seconds)
  local owner
  if line and room + (line == 'low' and 0 or giving_way) <= 0 then
    line, by_age = nil, false
    if room + crew.slots > 0 then line, owner = next_with_too_few(model) end
  end
  if not line then break end
  if in_trouble(model) and not may_try(model, now) then break end
  local id = pick_next(model, line, now, owner)
  if id then
    if by_age and line == 'low' then redis.call('HSET', job_key(id), 'spared_seconds', ageing_seconds) end
    publish(id)
    room = room - 1
  end
end
return ids
