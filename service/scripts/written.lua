#!lua flags=no-writes
-- Comments that wait, as they are kept.
-- KEYS items
-- Answers for each {origin, draft, text, revision, kind, n, seq, score, escalated}, or false.
local found = {}
for i, item in ipairs(KEYS) do
  local fields = redis.call('HMGET', item, 'origin', 'draft', 'text', 'revision', 'kind', 'n',
    'seq', 'score', 'escalated')
  found[i] = fields[1] and fields
end
return found
