#!lua flags=allow-oom
-- Writes something, so that a WAIT after it speaks of all that was written before.
-- KEYS 1 meta
-- Answers how often that was, or 0 where the queue has no epoch.
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  return 0
end
return redis.call('HINCRBY', KEYS[1], 'confirmed', 1)
