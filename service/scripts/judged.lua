#!lua flags=no-writes
-- Comments that are to be decided: as they are kept, and who holds them.
-- KEYS 1 l 2 lm, then items
-- ARGV ids
-- Answers {what `written` answers, what `held` answers}.
--- use looking
return {written(3), held()}
