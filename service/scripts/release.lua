#!lua flags=allow-oom
-- Gives leases back; those of others stay.
-- KEYS places
-- ARGV 1 owner 2.. ids
-- Answers how many were given back.
--- use places
--- use leasing
local released = 0
for i = 2, #ARGV do
  if holder(ARGV[i]) == ARGV[1] then
    end_lease(ARGV[i])
    released = released + 1
  end
end
return released
