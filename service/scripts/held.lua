#!lua flags=no-writes
-- Who holds which of the given comments.
-- KEYS 1 l 2 lm
-- ARGV ids
-- Answers {now, their deadlines, their holders}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {now, redis.call('ZMSCORE', KEYS[1], unpack(ARGV)), redis.call('HMGET', KEYS[2], unpack(ARGV))}
