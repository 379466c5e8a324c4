-- Limits of one action by GCRA (protocol.md 3.2): a key each, when its next charge is due.

-- Reckons with a charge of each of the last `count` KEYS, of which ARGV tells from `at` on:
-- interval_us between two, burst, cost. Answers when each of them would then be due, and the ms
-- until all have room, 0 when they have it now.
local function reckon(now, count, at)
  local due, wait = {}, 0
  for i = #KEYS - count + 1, #KEYS do
    local interval, burst, cost = unpack(ARGV, at, at + 2)
    local arrival = tonumber(redis.call('GET', KEYS[i]) or now)
    -- A clock that went back after a failover must not leave a debt without end.
    arrival = math.max(now, math.min(arrival, now + interval * burst))
    due[i] = arrival + interval * cost
    wait = math.max(wait, due[i] - interval * burst - now)
    at = at + 3
  end
  return due, math.ceil(wait / 1000)
end

local function charge(now, due)
  for i, at in pairs(due) do
    local left_ms = math.ceil((at - now) / 1000) + 1
    redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', left_ms)
  end
end
