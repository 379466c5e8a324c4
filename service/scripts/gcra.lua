#!lua
-- Charges several limits together, or none when one of them is used up.
-- KEYS a limit each
-- ARGV for each: interval_us between two, burst, cost
-- Answers {1, fewest left, ms until that one is full again}, or
-- {0, number of the limit with the longest wait, ms to wait}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = {}
local worst, wait, fewest, full = 0, 0, math.huge, 0
for i, key in ipairs(KEYS) do
  local interval, burst, cost = unpack(ARGV, i * 3 - 2, i * 3)
  local arrival = tonumber(redis.call('GET', key) or now)
  -- A clock that went back after a failover must not leave a debt without end.
  arrival = math.max(now, math.min(arrival, now + interval * burst))
  due[i] = arrival + interval * cost
  local early = due[i] - interval * burst - now
  if early > wait then
    worst, wait = i, early
  end
  local left = math.floor(-early / interval)
  if left < fewest then
    fewest, full = left, due[i] - now
  end
end
if worst > 0 then
  return {0, worst, math.ceil(wait / 1000)}
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', due[i]), 'PX', math.ceil((due[i] - now) / 1000) + 1)
end
return {1, fewest, math.ceil(full / 1000)}
