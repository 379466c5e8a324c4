#!lua
-- Puts a submission's record back after Redis came back empty; one that is there stays.
-- KEYS 1 submission
-- ARGV 1 id 2 fingerprint 3 author_id 4 status 5 ttl_ms
-- Answers 1 when written, 0 when one was there.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'fingerprint', ARGV[2], 'author', ARGV[3],
  'status', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
