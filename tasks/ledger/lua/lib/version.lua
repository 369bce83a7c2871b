-- Whether a record is of a version between the oldest and the newest that its reader knows.
local function readable(version, oldest, newest)
  version = tonumber(version or '')
  return version and version >= tonumber(oldest) and version <= tonumber(newest)
end
