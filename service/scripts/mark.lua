#!lua
-- Marks what waits for the journal to copy it again; what is marked already keeps its time.
-- KEYS 1 j 2.. items
-- ARGV ids
-- Answers how many were marked.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local marked = 0
for i, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[i + 1]) == 1 then
    marked = marked + redis.call('ZADD', KEYS[1], 'NX', now, id)
  end
end
return marked
