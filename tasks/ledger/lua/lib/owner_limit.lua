-- How many jobs of an owner have not ended, if they are as many as a key allows; nil if there is
-- room. most: a number, or '' for any.
local function busy(owner, most)
  if most == '' then return nil end
  local live = redis.call('SCARD', in_flight_key(owner))
  return live >= tonumber(most) and tostring(live) or nil
end
