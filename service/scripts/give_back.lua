#!lua flags=allow-oom
-- Gives back what an action was charged that turned out not to count.
-- KEYS a limit each
-- ARGV for each: interval_us between two, cost
-- Answers 1.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i, key in ipairs(KEYS) do
  local interval, cost = unpack(ARGV, i * 2 - 1, i * 2)
  local due = tonumber(redis.call('GET', key) or now) - interval * cost
  if due <= now then
    redis.call('DEL', key)
  else
    redis.call('SET', key, string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1)
  end
end
return 1
