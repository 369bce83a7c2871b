local PROGRESS = '{"type":"progress"'

-- Whether among so many events there is a token. How far a prompt was read proves nothing: its worker may still die of
-- it.
local function proves(events, first, count)
  for i = first, first + count - 1 do
    if string.sub(events[i], 1, #PROGRESS) ~= PROGRESS then return true end
  end
  return false
end
