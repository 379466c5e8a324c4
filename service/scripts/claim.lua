#!lua flags=allow-oom
-- Leases the next waiting comments to one holder: the most urgent ones, but every so many of
-- those handed out the oldest, and now and then one at random, so that nothing waits for ever.
-- KEYS places
-- ARGV 1 owner 2 holder's name 3 limit 4 ttl_ms 5 '1' when escalated ones are included
--      6 one of how many is the oldest 7 one of how many is any
-- Answers {id, fence, deadline, ...}.
--- use places
--- use leasing
local EXPIRED_MAX = 100
local AGE_GLANCE = 20
local AGE_WINDOW = 200 -- how far among the oldest to look past those leased, settling or set aside
local now = server_ms()
local limit, senior = tonumber(ARGV[3]), ARGV[5] == '1'
local oldest_every, any_every = tonumber(ARGV[6]), tonumber(ARGV[7])
local deadline = string.format('%.0f', now + ARGV[4])

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
local function oldest(all, claimable)
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

expire(now, EXPIRED_MAX)
local waiting = redis.call('ZCARD', q) + (senior and redis.call('ZCARD', e) or 0)
limit = math.min(limit, waiting)
if limit == 0 then
  return {}
end
local count = tonumber(redis.call('HGET', meta, 'claims') or 0)
local urgent = merged(redis.call('ZRANGE', q, 0, limit - 1, 'WITHSCORES'),
  senior and redis.call('ZRANGE', e, 0, limit - 1, 'WITHSCORES') or {}, limit)
local by_age
local claimed, taken = {}, {}

-- The first of a list that this claim has not taken.
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
    id = free({redis.call('ZRANDMEMBER', q)})
  elseif count % oldest_every == 0 then
    by_age = by_age or merged(oldest(t, q), senior and oldest(te, e) or {}, limit)
    id = free(by_age)
  end
  id = id or free(urgent)
  taken[id] = true
  claimed[#claimed + 1] = id
end
redis.call('HSET', meta, 'claims', count)
return begin_leases(claimed, ARGV[1], ARGV[2], deadline)
