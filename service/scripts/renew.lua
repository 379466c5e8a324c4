#!lua flags=allow-oom
-- Prolongs leases that have not run out.
-- KEYS places
-- ARGV 1 owner 2 ttl_ms 3.. ids
-- Answers the deadline they have now, and for each id 1 when prolonged, 0 when lost.
--- use places
--- use leasing
local now = server_ms()
local deadline = string.format('%.0f', now + ARGV[2])
local ids = {unpack(ARGV, 3)}
local answer, prolonged = {tonumber(deadline)}, {}
if #ids == 0 then
  return answer
end
local ends, owners = redis.call('ZMSCORE', l, unpack(ids)), owners_of(ids)
for i, id in ipairs(ids) do
  local own = ends[i] and tonumber(ends[i]) > now and owners[i] == ARGV[1]
  if own then
    prolonged[#prolonged + 1] = deadline
    prolonged[#prolonged + 1] = id
  end
  answer[i + 1] = own and 1 or 0
end
if #prolonged > 0 then
  redis.call('ZADD', l, unpack(prolonged))
end
return answer
