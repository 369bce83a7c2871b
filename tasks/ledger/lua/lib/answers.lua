--- @include "lib/record"
--- @include "lib/results"

-- Answers that are kept for later requests of their owner that ask the same. answer_key names the job that has the
-- answer, and nothing is copied before it is asked for: with the job its answer is gone as well. A job's record has
-- `answer`, what it asks, and `answer_seconds`, where its model's answers are kept; and then `computes`, which is
-- computes_key of the worker that claimed it.

-- What is more is not copied: Redis does nothing else meanwhile. So much takes it about 20 ms.
local MOST_EVENTS, MOST_BYTES = 2048, 1048576

-- Keep the answer of a job that has just ended well: as long as its record at most, and not if two workers that
-- compute otherwise had a part in it. The clerk removes the job of a batch's row at once, so that one is not kept.
-- computes: that of its worker. same_until: when its prompt would be another, since it tells the time; or ''.
local function keep_answer(id, computes, same_until, now)
  local job = read(job_key(id), { 'owner', 'answer', 'answer_seconds', 'ttl', 'idem', 'computes' })
  if not job.answer or job.computes ~= computes or job.idem == idempotency_key(job.owner, id) then return end
  if redis.call('XLEN', log_key(id)) > MOST_EVENTS then return end
  if redis.call('HSTRLEN', job_key(id), 'outcome') > MOST_BYTES then return end
  local seconds = math.min(tonumber(job.answer_seconds), tonumber(job.ttl), (tonumber(same_until) or math.huge) - now)
  local ms = math.floor(seconds * 1000)
  if ms < 1 then return end
  redis.call('SET', answer_key(job.owner, job.answer), id, 'PX', string.format('%.0f', ms))
  count_more(id, job.owner, memory_of(answer_key(job.owner, job.answer), 0))
end

-- The job that has the answer to what an owner asks of a model; nil if there is none. It is none if the model's workers
-- compute otherwise by now.
local function kept_answer(owner, answer, model)
  local id = redis.call('GET', answer_key(owner, answer))
  if not id then return nil end
  local job = read(job_key(id), { 'status', 'owner', 'model', 'answer', 'computes' })
  local is_it = job.status == 'succeeded' and job.owner == owner and job.model == model and job.answer == answer
  return is_it and job.computes == redis.call('GET', computes_key(model)) and id or nil
end

-- A job whose answer is kept is removed. answer: what it asks, or nil.
local function drop_answer(id, owner, answer)
  if not answer then return end
  local key = answer_key(owner, answer)
  if redis.call('GET', key) == id then redis.call('DEL', key) end
end
