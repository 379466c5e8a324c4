-- Leases over the places: how one begins, ends and runs out.

local function end_lease(id)
  redis.call('ZREM', l, id)
  redis.call('HDEL', lm, id)
  make_claimable(id)
end

-- Ends at most `limit` leases that ran out; answers how many.
local function expire(now, limit)
  local expired = redis.call('ZRANGEBYSCORE', l, '-inf', now, 'LIMIT', 0, limit)
  for _, id in ipairs(expired) do
    end_lease(id)
  end
  return #expired
end

-- Gives a comment to its holder and answers the fence: a number no earlier lease had.
local function begin_lease(id, owner, name, deadline)
  redis.call('ZREM', q, id)
  redis.call('ZREM', e, id)
  local fence = redis.call('HINCRBY', meta, 'fence', 1)
  redis.call('ZADD', l, deadline, id)
  redis.call('HSET', lm, id, cjson.encode({owner, name, fence}))
  return fence
end

local function holder(id)
  local held = redis.call('HGET', lm, id)
  return held and cjson.decode(held)[1]
end
