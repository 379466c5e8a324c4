-- What a claim hands out: the most urgent ones, but every so many of those handed out the oldest, and
-- now and then any, so that nothing waits for ever.
-- ARGV 1 limit 2 '1' when escalated ones are included 3 one of how many is the oldest
--      4 one of how many is any 5 a number of [0, 1) that says which
-- Nothing here writes: whoever looks ahead with the same ARGV sees what a claim would choose.

local AGE_GLANCE = 20
local AGE_WINDOW = 200 -- how far among the oldest to look past those leased, settling or set aside

-- The first `count` ids of two ascending lists of {id, score, ...}.
local function merged(one, other, count)
  local ids, i, k = {}, 1, 1
  while #ids < count and (one[i] or other[k]) do
    if one[i] and (not other[k] or tonumber(one[i + 1]) <= tonumber(other[k + 1])) then
      ids[#ids + 1] = one[i]
      i = i + 2
    else
      ids[#ids + 1] = other[k]
      k = k + 2
    end
  end
  return ids
end

-- {id, created, ...} of the oldest in `all` that are also in `claimable`: most often the very first
-- ones are, so few are looked at before many.
local function oldest(all, claimable, limit)
  local found, from, to = {}, 0, AGE_GLANCE
  while from < AGE_WINDOW and #found < limit * 2 do
    local window = redis.call('ZRANGE', all, from, to - 1, 'WITHSCORES')
    local ids = {}
    for i = 1, #window, 2 do
      ids[#ids + 1] = window[i]
    end
    if #ids == 0 then
      return found
    end
    for i, score in ipairs(redis.call('ZMSCORE', claimable, unpack(ids))) do
      if score then
        found[#found + 1] = ids[i]
        found[#found + 1] = window[i * 2]
      end
    end
    from, to = to, AGE_WINDOW
  end
  return found
end

-- The ids, and how many were handed out with them.
local function choose()
  local senior, oldest_every, any_every = ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4])
  local free_to_all = redis.call('ZCARD', q)
  local limit = math.min(tonumber(ARGV[1]), free_to_all + (senior and redis.call('ZCARD', e) or 0))
  if limit == 0 then
    return {}, 0
  end
  local count = tonumber(redis.call('HGET', meta, 'claims') or 0)
  local urgent = merged(redis.call('ZRANGE', q, 0, limit - 1, 'WITHSCORES'),
    senior and redis.call('ZRANGE', e, 0, limit - 1, 'WITHSCORES') or {}, limit)
  local by_age
  local chosen, taken = {}, {}

  -- The first of a list that is not chosen yet.
  local function free(ids)
    for _, id in ipairs(ids) do
      if not taken[id] then
        return id
      end
    end
  end

  for _ = 1, limit do
    count = count + 1
    local id
    if count % any_every == 0 then
      local rank = math.floor(ARGV[5] * free_to_all)
      id = free(redis.call('ZRANGE', q, rank, rank))
    elseif count % oldest_every == 0 then
      by_age = by_age or merged(oldest(t, q, limit), senior and oldest(te, e, limit) or {}, limit)
      id = free(by_age)
    end
    id = id or free(urgent)
    taken[id] = true
    chosen[#chosen + 1] = id
  end
  return chosen, count
end
