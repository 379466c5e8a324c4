#!lua
-- Opens a site's queue: never lowers seq, and writes its epoch where there is none.
-- KEYS 1 meta
-- ARGV 1 epoch, '' to raise seq alone 2 seq 3 the fall that was put right, '' for none
--      4 '1' when the queue was filled up since seq was raised: if seq is gone, so is all of that
-- Answers the epoch that holds, '' where there is none.
local had = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fell_from')
if ARGV[4] == '1' and not had[1] and tonumber(had[2] or -1) < tonumber(ARGV[2]) then
  return ''
end
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
