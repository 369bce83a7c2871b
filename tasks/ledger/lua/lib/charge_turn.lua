--- @include "lib/account"
--- @include "lib/begun"

-- A job's turn has come: its owner is charged with what is expected of it.
local function charge_turn(id)
  local model, line, owner, weight, charged =
    unpack(redis.call('HMGET', job_key(id), 'model', 'line', 'owner', 'weight', 'charged'))
  if not line or charged then return end
  local cost = expected_cost(model, line, owner)
  redis.call('HSET', job_key(id), 'charged', tokens(cost))
  charge(model, line, owner, cost / weight_of(weight))
  begin_share(id)
end
