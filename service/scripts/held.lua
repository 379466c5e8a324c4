#!lua flags=no-writes
-- Who holds which of the given comments.
-- KEYS 1 l 2 lm
-- ARGV ids
-- Answers {now, their deadlines, their holders}.
--- use looking
return held()
