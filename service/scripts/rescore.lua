#!lua flags=allow-oom
-- Gives waiting comments another place in the order of urgency, unless their text has changed
-- since it was judged. Where they are, and who holds them, stays.
-- KEYS places, items
-- ARGV for each item: id, revision, score
-- Answers how many were placed.
--- use places
local placed = 0
for i = 1, #KEYS - ITEMS do
  local id, revision, score = unpack(ARGV, i * 3 - 2, i * 3)
  local item = KEYS[ITEMS + i]
  if redis.call('HGET', item, 'revision') == revision then
    redis.call('HSET', item, 'score', score)
    for _, list in ipairs({p, pe, q, e}) do
      redis.call('ZADD', list, 'XX', score, id)
    end
    placed = placed + 1
  end
end
return placed
