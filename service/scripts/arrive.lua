#!lua flags=no-writes
-- Tells what is known when a submission comes, and whether its limits have room. They are charged
-- by `accept`, or by `gcra` when it is refused: what writes nothing waits for no disk.
-- KEYS 1 vr 2 submission, then what was sent lately: lists, then a limit each
-- ARGV 1 article_id 2 how many lists 3 lines of each that are wanted
--      4.. for each limit: interval_us between two, burst, cost
-- Answers {its record} of a submission that came before, else {its record, ms until all limits
-- have room or 0, views per hour, lines of each list...}.
--- use limits
local earlier = redis.call('HMGET', KEYS[2], 'id', 'fingerprint', 'author', 'status')
if earlier[1] then
  return {earlier}
end
local lists = tonumber(ARGV[2])
local time = redis.call('TIME')
local _, wait = reckon(time[1] * 1000000 + time[2], #KEYS - 2 - lists, 4)
if wait > 0 then
  return {earlier, wait}
end
local known = {earlier, 0, redis.call('HGET', KEYS[1], ARGV[1])}
for i = 3, 2 + lists do
  known[#known + 1] = redis.call('LRANGE', KEYS[i], 0, ARGV[3] - 1)
end
return known
