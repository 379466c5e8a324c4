#!lua flags=allow-oom
-- Prolongs leases that have not run out.
-- KEYS places
-- ARGV 1 owner 2 ttl_ms 3.. ids
-- Answers for each 1 when prolonged, 0 when lost.
--- use places
--- use leasing
local now = server_ms()
local kept = {}
for i = 3, #ARGV do
  local deadline = redis.call('ZSCORE', l, ARGV[i])
  local own = deadline and tonumber(deadline) > now and holder(ARGV[i]) == ARGV[1]
  if own then
    redis.call('ZADD', l, now + ARGV[2], ARGV[i])
  end
  kept[#kept + 1] = own and 1 or 0
end
return kept
