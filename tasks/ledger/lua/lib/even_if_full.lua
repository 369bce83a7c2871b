-- Redis refuses a script's first write while its memory is full, and only the first. A script that leads to jobs' ends,
-- and so to memory being freed, begins with this one, which needs none.
local function even_if_full() redis.call('DEL', nothing_key()) end
