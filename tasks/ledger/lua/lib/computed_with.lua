-- The digest of all that computes a job: of the model's file, and of those of the adapters that it names, with blanks
-- between them. Nil if the worker lacks one of them.
--
-- told: what the worker says of its files, 'DIGEST ADAPTER=DIGEST ...'.
local function computed_with(told, adapters)
  local own = string.match(told, '^%S*')
  for name in string.gmatch(adapters or '', '%S+') do
    local _, at = string.find(told, ' ' .. name .. '=', 1, true)
    if not at then return nil end
    own = own .. ' ' .. name .. '=' .. string.match(told, '^%S*', at + 1)
  end
  return own
end
