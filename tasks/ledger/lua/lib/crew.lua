--- @include "lib/clock"

-- What a model's live workers have together. The sums are kept, so that nobody need read every worker for them.
--
-- crew_key     the sums of FIGURES
-- counted_key  what each worker adds to them, in the order of FIGURES

-- Whole numbers, so that a sum does not drift. `timed` is 1 for a worker that knows how long a job has a slot.
local FIGURES = { 'workers', 'capacity', 'slots', 'busy', 'timed', 'job_micros', 'tokens_per_second' }

-- Workers that one call forgets or counts, at most, beside its own.
local MOST_WORKERS = 50

local function figures_of(worker)
  local told = redis.call('HMGET', worker_key(worker), 'capacity', 'slots', 'busy', 'job_seconds', 'tokens_per_second')
  for i = 1, 5 do told[i] = tonumber(told[i] or '0') or 0 end
  local micros = math.floor(told[4] * 1000000)
  return { 1, told[1], told[2], told[3], micros > 0 and 1 or 0, micros, math.floor(told[5] + 0.5) }
end

local function add_to_crew(model, worker, figures)
  local counted, was = redis.call('HGET', counted_key(model), worker), {}
  for number in string.gmatch(counted or '', '%S+') do was[#was + 1] = tonumber(number) end
  for i, name in ipairs(FIGURES) do
    local more = figures[i] - (was[i] or 0)
    if more ~= 0 then redis.call('HINCRBY', crew_key(model), name, string.format('%.0f', more)) end
  end
end

-- A worker has reported, or is counted for the first time.
local function count_worker(model, worker)
  local figures = figures_of(worker)
  add_to_crew(model, worker, figures)
  redis.call('HSET', counted_key(model), worker, table.concat(figures, ' '))
end

-- A worker has stopped, or was not heard of in time.
local function forget_worker(model, worker)
  redis.call('ZREM', workers_key(model), worker)
  if redis.call('HEXISTS', counted_key(model), worker) == 1 then
    add_to_crew(model, worker, { 0, 0, 0, 0, 0, 0, 0 })
    redis.call('HDEL', counted_key(model), worker)
  end
  if redis.call('HLEN', counted_key(model)) == 0 then redis.call('DEL', crew_key(model)) end
end

local function forget_lapsed_workers(model, now)
  local lapsed = redis.call('ZRANGEBYSCORE', workers_key(model), '-inf', '(' .. stamp(now), 'LIMIT', 0, MOST_WORKERS)
  for _, worker in ipairs(lapsed) do forget_worker(model, worker) end
end

-- Count those whose release knew nothing of these sums, and forget those that it has removed.
local function recount_crew(model)
  if redis.call('ZCARD', workers_key(model)) == redis.call('HLEN', counted_key(model)) then return end
  local counted, mended = {}, 0
  for _, worker in ipairs(redis.call('HKEYS', counted_key(model))) do counted[worker] = true end
  for _, worker in ipairs(redis.call('ZRANGE', workers_key(model), 0, -1)) do
    if not counted[worker] and mended < MOST_WORKERS then
      count_worker(model, worker)
      mended = mended + 1
    end
    counted[worker] = nil
  end
  for worker in pairs(counted) do
    if mended >= MOST_WORKERS then break end
    forget_worker(model, worker)
    mended = mended + 1
  end
end

-- The sums, by FIGURES; 0 where nobody lives.
local function crew_of(model, now)
  recount_crew(model)
  forget_lapsed_workers(model, now)
  local sums, crew = redis.call('HMGET', crew_key(model), unpack(FIGURES)), {}
  for i, name in ipairs(FIGURES) do crew[name] = tonumber(sums[i] or '0') end
  return crew
end
