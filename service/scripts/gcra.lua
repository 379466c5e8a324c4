#!lua
-- Charges several limits together, or none when one of them is used up.
-- KEYS a limit each
-- ARGV for each: interval_us between two, burst, cost
-- Answers 0 when charged, else the ms until all of them have room.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due, wait = {}, 0
for i, key in ipairs(KEYS) do
  local interval, burst, cost = unpack(ARGV, i * 3 - 2, i * 3)
  local arrival = tonumber(redis.call('GET', key) or now)
  -- A clock that went back after a failover must not leave a debt without end.
  arrival = math.max(now, math.min(arrival, now + interval * burst))
  due[i] = arrival + interval * cost
  wait = math.max(wait, due[i] - interval * burst - now)
end
if wait > 0 then
  return math.ceil(wait / 1000)
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', due[i]), 'PX', math.ceil((due[i] - now) / 1000) + 1)
end
return 0
