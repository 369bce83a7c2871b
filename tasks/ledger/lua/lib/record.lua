-- Some fields of a hash, by their names; one that is not there is nil.
local function read(key, fields)
  local found = {}
  for i, value in ipairs(redis.call('HMGET', key, unpack(fields))) do found[fields[i]] = value or nil end
  return found
end
