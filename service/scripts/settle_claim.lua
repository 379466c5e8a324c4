#!lua flags=allow-oom
-- Takes comments that a rule has decided, for a while.
-- KEYS 1 a
-- ARGV 1 limit 2 ttl_ms
-- Answers ids; untouched ones are handed out again after the ttl.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(due) do
  redis.call('ZADD', KEYS[1], now + ARGV[2], id)
end
return due
