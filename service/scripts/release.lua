#!lua flags=allow-oom
-- Gives leases back; those of others stay.
-- KEYS places
-- ARGV 1 owner 2.. ids
-- Answers for each 1 when given back, else 0.
--- use places
--- use leasing
local ids = {unpack(ARGV, 2)}
local answer = {}
if #ids == 0 then
  return answer
end
for i, owner in ipairs(owners_of(ids)) do
  local own = owner == ARGV[1]
  if own then
    end_lease(ids[i])
  end
  answer[i] = own and 1 or 0
end
return answer
