#!lua
-- Opens a site's queue: never lowers seq, and writes its epoch where there is none.
-- KEYS 1 meta
-- ARGV 1 epoch, '' to raise seq alone 2 seq 3 the fall that was put right, '' for none
-- Answers the epoch that holds, '' where there is none.
local had = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fell_from')
if tonumber(ARGV[2]) > tonumber(had[2] or -1) then
  redis.call('HSET', KEYS[1], 'seq', ARGV[2])
end
if ARGV[3] ~= '' and had[3] == ARGV[3] then
  redis.call('HDEL', KEYS[1], 'fell_to', 'fell_from')
end
if not had[1] and ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
end
return had[1] or ARGV[1]
