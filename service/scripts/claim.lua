#!lua flags=allow-oom
-- Leases the next waiting comments to one holder.
-- KEYS places
-- ARGV 1..5 choosing 6 owner 7 holder's name 8 ttl_ms
-- Answers {id, fence, deadline, ...}.
--- use places
--- use leasing
--- use choosing
local EXPIRED_MAX = 100
local now = server_ms()
expire(now, EXPIRED_MAX)
local chosen, count = choose()
if #chosen > 0 then
  redis.call('HSET', meta, 'claims', count)
end
return begin_leases(chosen, ARGV[6], ARGV[7], string.format('%.0f', now + ARGV[8]))
