-- Lead the sweep, or go on leading it. ARGV: process, seconds. Returns 1 if it leads.
even_if_full()
local key = PREFIX .. 'leader:sweep'
local leader = redis.call('GET', key)
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', key, ARGV[1], 'EX', ARGV[2])
return 1
