-- Ids of jobs that stand in some lines of a model, at most so many, lane by lane.
local function queued_in(model, lines, most)
  local ids = {}
  for _, line in ipairs(lines) do
    for _, owner in ipairs(redis.call('ZRANGE', waiting_owners_key(model, line), 0, most - 1)) do
      for _, id in ipairs(redis.call('ZRANGE', lane_key(model, line, owner), 0, most - #ids - 1)) do
        ids[#ids + 1] = id
      end
      if #ids >= most then return ids end
    end
  end
  return ids
end
