#!lua flags=no-writes
-- Comments that wait, as they are kept.
-- KEYS items
-- Answers for each {origin, draft, text, revision, kind, n, seq, score, escalated}, or false.
--- use looking
return written(1)
