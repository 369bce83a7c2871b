-- What lists a job that has ended, until `tidy.lua` removes it.
local function listing(id, model, owner) return cjson.encode({ id, model, owner }) end
