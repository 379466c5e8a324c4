#!lua flags=allow-oom
-- Leases the first free ones of the given comments: public ones, or ones that wait.
-- KEYS places
-- ARGV 1 owner 2 holder's name 3 limit 4 ttl_ms 5.. ids
-- Answers {id, fence, deadline, ...}.
--- use places
--- use leasing
local now = server_ms()
local deadline = string.format('%.0f', now + ARGV[4])
local claimed = {}
for i = 5, #ARGV do
  local id = ARGV[i]
  if #claimed >= tonumber(ARGV[3]) then
    break
  end
  local held_until = redis.call('ZSCORE', l, id)
  local free = not held_until or tonumber(held_until) <= now
  if free and not redis.call('ZSCORE', a, id) and not redis.call('ZSCORE', x, id) then
    claimed[#claimed + 1] = id
  end
end
return begin_leases(claimed, ARGV[1], ARGV[2], deadline)
