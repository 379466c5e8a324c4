#!lua flags=no-writes
-- Which text of some comments waits, and after how many decisions.
-- KEYS items
-- Answers for each its revision and its n, side by side; nothing for what does not wait.
local found = {}
for i, item in ipairs(KEYS) do
  found[i * 2 - 1], found[i * 2] = unpack(redis.call('HMGET', item, 'revision', 'n'))
end
return found
