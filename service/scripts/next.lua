#!lua flags=no-writes
-- What a claim with the same ARGV would lease now, as far as no lease ran out.
-- KEYS places
-- ARGV 1..5 choosing
-- Answers ids.
--- use places
--- use choosing
return (choose())
