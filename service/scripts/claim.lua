#!lua flags=allow-oom
-- Leases the next waiting comments to one holder.
-- KEYS places
-- ARGV 1 owner 2 holder's name 3 limit 4 ttl_ms 5 '1' when escalated ones are included
--      6 every how many claims the oldest go first
-- Answers {id, fence, deadline, ...}.
--- use places
--- use leasing
local EXPIRED_MAX = 100
local AGE_WINDOW = 200 -- how far among the oldest to look past those leased, settling or set aside
local now = server_ms()
local limit, senior = tonumber(ARGV[3]), ARGV[5] == '1'
local deadline = string.format('%.0f', now + ARGV[4])
local claimed = {}

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

-- {id, created, ...} of the oldest in `all` that are also in `claimable`.
local function oldest(all, claimable)
  local window = redis.call('ZRANGE', all, 0, AGE_WINDOW - 1, 'WITHSCORES')
  local ids, found = {}, {}
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
  return found
end

local function hand_out(ids)
  for _, id in ipairs(ids) do
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = begin_lease(id, ARGV[1], ARGV[2], deadline)
    claimed[#claimed + 1] = deadline
  end
  limit = limit - #ids
end

expire(now, EXPIRED_MAX)
if redis.call('ZCARD', q) == 0 and not (senior and redis.call('ZCARD', e) > 0) then
  return claimed
end
if redis.call('HINCRBY', meta, 'claims', 1) % tonumber(ARGV[6]) == 0 then
  hand_out(merged(oldest(t, q), senior and oldest(te, e) or {}, limit))
end
if limit > 0 then
  local urgent = redis.call('ZRANGE', q, 0, limit - 1, 'WITHSCORES')
  local escalated = senior and redis.call('ZRANGE', e, 0, limit - 1, 'WITHSCORES') or {}
  hand_out(merged(urgent, escalated, limit))
end
return claimed
