#!lua flags=allow-oom
-- Ends leases that ran out.
-- KEYS places
-- ARGV 1 limit
-- Answers how many ended.
--- use places
--- use leasing
return expire(server_ms(), ARGV[1])
