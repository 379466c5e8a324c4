#!lua flags=allow-oom
-- Tells what is known when a submission comes, and charges its limits together, or none of them
-- when one is used up. A submission that came before is charged nothing.
-- KEYS 1 vr 2 submission, then what was sent lately: lists, then a limit each
-- ARGV 1 article_id 2 how many lists 3 lines of each that are wanted
--      4.. for each limit: interval_us between two, burst, cost
-- Answers {its record, ms until all limits have room or 0, views per hour, lines of each list...}.
local earlier = redis.call('HMGET', KEYS[2], 'id', 'fingerprint', 'author', 'status')
if earlier[1] then
  return {earlier}
end
local lists = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due, wait = {}, 0
for i = 3 + lists, #KEYS do
  local interval, burst, cost = unpack(ARGV, (i - lists) * 3 - 5, (i - lists) * 3 - 3)
  local arrival = tonumber(redis.call('GET', KEYS[i]) or now)
  -- A clock that went back after a failover must not leave a debt without end.
  arrival = math.max(now, math.min(arrival, now + interval * burst))
  due[i] = arrival + interval * cost
  wait = math.max(wait, due[i] - interval * burst - now)
end
if wait > 0 then
  return {earlier, math.ceil(wait / 1000)}
end
for i, at in pairs(due) do
  redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1)
end
local known = {earlier, 0, redis.call('HGET', KEYS[1], ARGV[1])}
for i = 3, 2 + lists do
  known[#known + 1] = redis.call('LRANGE', KEYS[i], 0, ARGV[3] - 1)
end
return known
