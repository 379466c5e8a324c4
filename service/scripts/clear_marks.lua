#!lua flags=allow-oom
-- Takes journal marks off comments that have not changed since they were written, or are gone.
-- KEYS 1 j 2.. items
-- ARGV for each item: id, revision, n
-- Answers how many marks were taken off.
local cleared = 0
for i = 2, #KEYS do
  local id, revision, n = unpack(ARGV, i * 3 - 5, i * 3 - 3)
  local had = redis.call('HMGET', KEYS[i], 'revision', 'n')
  if not had[1] or (had[1] == revision and had[2] == n) then
    cleared = cleared + redis.call('ZREM', KEYS[1], id)
  end
end
return cleared
