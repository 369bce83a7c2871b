-- What deaths weigh: a crash of the worker's own process is proof of something, a kill from outside is hardly any.
local function strikes(job) return job.fails * KILLS_PER_CRASH + job.kills end
