#!lua flags=no-writes
-- A page of one or two lists, without claiming anything.
-- KEYS lists
-- ARGV 1 count 2 '1' for descending 3 score and 4 id of the last one seen, '' for the first page
-- Answers for each list {id, score, ...}, at most `count` of them.
local count, descending = tonumber(ARGV[1]), ARGV[2] == '1'
local last_score, last_id = tonumber(ARGV[3]), ARGV[4]
local RANK = descending and 'ZREVRANK' or 'ZRANK'
local RANGE = descending and 'ZREVRANGE' or 'ZRANGE'

-- The rank, from this end, of the first one behind a place that is empty by now: what has one
-- score is in the order of its ids, so that it is found in as many steps as the list has digits.
local function rank_behind(list)
  local low = redis.call('ZCOUNT', list, '-inf', '(' .. ARGV[3])
  local high = redis.call('ZCOUNT', list, '-inf', ARGV[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    local id = redis.call('ZRANGE', list, middle, middle)[1]
    if id > last_id then high = middle else low = middle + 1 end
  end
  return descending and redis.call('ZCARD', list) - low or low
end

local pages = {}
for i, list in ipairs(KEYS) do
  local first = 0
  if last_id ~= '' then
    if tonumber(redis.call('ZSCORE', list, last_id) or false) == last_score then
      first = redis.call(RANK, list, last_id) + 1
    else
      first = rank_behind(list)
    end
  end
  pages[i] = redis.call(RANGE, list, first, first + count - 1, 'WITHSCORES')
end
return pages
