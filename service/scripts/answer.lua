#!lua flags=allow-oom
-- Notes the status code a submission was first answered with, while it is remembered.
-- KEYS 1 submission
-- ARGV 1 status
-- Answers 1, or 0 when it is forgotten.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'status', ARGV[1])
return 1
