#!lua flags=allow-oom
-- Sets a waiting comment aside (quarantine), or makes it claimable again.
-- KEYS places, item
-- ARGV 1 id 2 'aside' or 'queue'
-- Answers 1, or 0 when it does not wait.
--- use places
local id = ARGV[1]
if redis.call('EXISTS', KEYS[ITEMS + 1]) == 0 then
  return 0
end
leave(id)
if ARGV[2] == 'aside' then
  redis.call('ZADD', x, server_ms(), id)
else
  make_claimable(id)
end
return 1
