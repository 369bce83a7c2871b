-- hook_key is what is to be told of a job's end, receiver_key lists by when it is due what goes to one receiver,
-- receivers_key the receivers by when to look at them, webhooks_pending_key all of it by the jobs' ends, and
-- webhooks_published_key what has been published or is being sent, by when it is due again if nothing more is heard.

local function wait_to_tell(id, origin, at)
  redis.call('ZADD', receiver_key(origin), at, id)
  redis.call('ZADD', receivers_key(), 'LT', at, origin)
end
