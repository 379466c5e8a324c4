#!lua flags=no-writes
-- A page of one or two lists, without claiming anything.
-- KEYS lists
-- ARGV 1 count 2 '1' for descending 3 score and 4 id of the last one seen, '' for the first page
-- Answers for each list {id, score, ...}, at most `count` of them.
local count, descending = tonumber(ARGV[1]), ARGV[2] == '1'
local last_score, last_id = tonumber(ARGV[3]), ARGV[4]
local RANK = descending and 'ZREVRANK' or 'ZRANK'
local RANGE = descending and 'ZREVRANGE' or 'ZRANGE'
local BY_SCORE = descending and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE'
local ENDLESS = descending and '-inf' or '+inf'
local TIES_MAX = 10000 -- of one score, before a page may come out short

local function is_past(id, score)
  if score == last_score then
    if descending then return id < last_id end
    return id > last_id
  end
  return true
end

local function after_one_that_left(list)
  local found, seen = {}, 0
  while #found < count * 2 and seen < TIES_MAX do
    local some = redis.call(BY_SCORE, list, ARGV[3], ENDLESS, 'WITHSCORES', 'LIMIT', seen, count)
    if #some == 0 then break end
    for i = 1, #some, 2 do
      if #found < count * 2 and is_past(some[i], tonumber(some[i + 1])) then
        found[#found + 1] = some[i]
        found[#found + 1] = some[i + 1]
      end
    end
    seen = seen + count
  end
  return found
end

local pages = {}
for i, list in ipairs(KEYS) do
  if last_id == '' then
    pages[i] = redis.call(RANGE, list, 0, count - 1, 'WITHSCORES')
  elseif tonumber(redis.call('ZSCORE', list, last_id) or false) == last_score then
    local rank = redis.call(RANK, list, last_id)
    pages[i] = redis.call(RANGE, list, rank + 1, rank + count, 'WITHSCORES')
  else
    pages[i] = after_one_that_left(list)
  end
end
return pages
