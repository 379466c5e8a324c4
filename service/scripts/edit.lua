#!lua
-- Replaces the text of a waiting comment, whether or not somebody holds it.
-- KEYS places, item
-- ARGV 1 id 2 expected revision 3 score
--      4 'publish' to leave it with the settle worker if it is there, 'reject' to give it to him
--      5.. the fields that change and their values
-- Answers {OK, new revision}, {STALE, revision there}, {GONE, 0}.
--- use places
local item = KEYS[ITEMS + 1]
local id, score = ARGV[1], ARGV[3]
local had = redis.call('HMGET', item, 'revision', 'escalated')
if not had[1] then
  return {'GONE', 0}
end
if had[1] ~= ARGV[2] then
  return {'STALE', tonumber(had[1])}
end
redis.call('HSET', item, 'score', score, unpack(ARGV, 5))
local revision = redis.call('HINCRBY', item, 'revision', 1)
redis.call('ZADD', had[2] == '1' and pe or p, score, id)
local now = server_ms()
local settling = redis.call('ZSCORE', a, id) and ARGV[4] == 'publish'
if not settling and not redis.call('ZSCORE', l, id) then
  leave(id)
  if ARGV[4] == 'reject' then
    redis.call('ZADD', a, now, id)
  else
    make_claimable(id)
  end
end
redis.call('ZADD', j, now, id)
return {'OK', revision}
