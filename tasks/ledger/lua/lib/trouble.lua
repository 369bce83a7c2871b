-- trouble_key has the jobs that workers died of while they held nothing else, since the model's last first token.

-- With two jobs in it, it is the model that fails: none of them is to blame, and one job at a time is tried.
local function in_trouble(model) return redis.call('HLEN', trouble_key(model)) > 1 end

-- A worker crashed that held this job and no other.
local function note_trouble(id, model, found)
  redis.call('HSET', trouble_key(model), id, found)
  redis.call('EXPIRE', trouble_key(model), 86400)
end
