-- What is counted as long as the ledger lasts, whatever workers come and go: what Prometheus is told.
--
-- totals_key    `{status}:{priority}`: jobs accepted, and jobs ended
-- counters_key  `given_back:{reason}`, `resumed`, `dead_letters`, `unclaimed`, `removed_early`,
--               `answers:{result}`, `tokens:{kind}`
-- webhooks_key  `attempt:{result}`, `delivered`, `given_up`

local function count_job(model, status, priority)
  redis.call('HINCRBY', totals_key(model), status .. ':' .. priority, 1)
end

local function count(model, what, by) redis.call('HINCRBY', counters_key(model), what, by or 1) end
