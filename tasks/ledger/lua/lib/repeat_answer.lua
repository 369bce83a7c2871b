--- @include "lib/end"
--- @include "lib/event"
--- @include "lib/transition"

local PIECE = '{"type":"token"'

-- End a queued job with the answer of another. Its stream has the pieces of that one's; nothing else of it was run.
local function repeat_answer(id, fence, of, now)
  local events = { QUEUED }
  for _, entry in ipairs(redis.call('XRANGE', log_key(of), '-', '+')) do
    local event = entry[2][2]
    if string.sub(event, 1, #PIECE) == PIECE then events[#events + 1] = event end
  end
  append(id, fence, 0, events)
  local outcome, told, reasons = unpack(redis.call('HMGET', job_key(of), 'outcome', 'usage', 'finish_reasons'))
  local usage = cjson.decode(told)
  usage.cached_tokens, usage.answer_cached = usage.prompt_tokens, true
  local fields = { 'outcome', outcome, 'usage', cjson.encode(usage), 'repeats', of }
  if reasons then
    fields[#fields + 1] = 'finish_reasons'
    fields[#fields + 1] = reasons
  end
  conclude(id, 'succeeded', now, unpack(fields))
end
