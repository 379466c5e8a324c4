#!lua
-- Opens a site's queue: writes its epoch where there is none, and never lowers seq.
-- KEYS 1 meta
-- ARGV 1 epoch 2 seq
-- Answers the epoch that holds.
local had = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if tonumber(ARGV[2]) > tonumber(had[2] or -1) then
  redis.call('HSET', KEYS[1], 'seq', ARGV[2])
end
if not had[1] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
end
return had[1] or ARGV[1]
