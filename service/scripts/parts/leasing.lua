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

-- Gives comments to their holder and answers {id, fence, deadline, ...}: fences are numbers that no
-- earlier lease had. Few commands however many there are: they took most of a claim's time.
local function begin_leases(ids, owner, name, deadline)
  if #ids == 0 then
    return {}
  end
  redis.call('ZREM', q, unpack(ids))
  redis.call('ZREM', e, unpack(ids))
  local fence = redis.call('HINCRBY', meta, 'fence', #ids) - #ids
  local begun, ends, holders = {}, {}, {}
  local holder = string.sub(cjson.encode({owner, name}), 1, -2) .. ',' -- of all of them, but the fence
  for i, id in ipairs(ids) do
    begun[i * 3 - 2], begun[i * 3 - 1], begun[i * 3] = id, fence + i, deadline
    ends[i * 2 - 1], ends[i * 2] = deadline, id
    holders[i * 2 - 1], holders[i * 2] = id, holder .. fence + i .. ']'
  end
  redis.call('ZADD', l, unpack(ends))
  redis.call('HSET', lm, unpack(holders))
  return begun
end

-- Who holds each of some comments, false for those nobody holds.
local function owners_of(ids)
  local owners = redis.call('HMGET', lm, unpack(ids))
  for i, held in ipairs(owners) do
    owners[i] = held and cjson.decode(held)[1]
  end
  return owners
end
