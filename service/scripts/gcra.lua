#!lua
-- Charges several limits together, or none when one of them is used up.
-- KEYS a limit each
-- ARGV for each: interval_us between two, burst, cost
-- Answers 0 when charged, else the ms until all of them have room.
--- use limits
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due, wait = reckon(now, #KEYS, 1)
if wait == 0 then
  charge(now, due)
end
return wait
