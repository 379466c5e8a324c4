#!lua
-- Puts a comment, or an edit of a public one, among the waiting under its own id. Asked twice it
-- does nothing more. Where one waits already the later text and the later decision win.
-- KEYS places, item
-- ARGV 1 id 2 n 3 revision 4 kind 5 seq, 0 to be given one 6 score 7 created_ms
--      8 escalated 9 '1' when the journal has it 10 '1' to refuse while the queue is being refilled
--      11.. the item's fields and values
-- Answers {NEW or REPLACED or KEPT, seq}, or {EMPTY, 0}.
--- use places
local item = KEYS[ITEMS + 1]
local id, n, revision, seq = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local had = redis.call('HMGET', item, 'n', 'revision', 'seq', 'kind', 'escalated', 'score')
if ARGV[10] == '1' and redis.call('HEXISTS', meta, 'epoch') == 0 then
  return {'EMPTY', 0}
end
local had_n, had_revision = tonumber(had[1] or -1), tonumber(had[2] or -1)
if n <= had_n and revision <= had_revision then
  return {'KEPT', tonumber(had[3])}
end
local later_decision = n > had_n or (n == had_n and revision > had_revision)
local kind = later_decision and ARGV[4] or had[4]
local escalated = later_decision and ARGV[8] or had[5]
local score = had[6]
if revision > had_revision then
  score = ARGV[6]
  redis.call('HSET', item, unpack(ARGV, 11))
end
if seq == 0 then
  seq = tonumber(had[3]) or redis.call('HINCRBY', meta, 'seq', 1)
elseif seq > tonumber(redis.call('HGET', meta, 'seq') or 0) then
  redis.call('HSET', meta, 'seq', seq)
end
redis.call('HSET', item, 'n', math.max(n, had_n), 'kind', kind, 'escalated', escalated, 'seq', seq)
enlist(id, score, redis.call('HGET', item, 'created'), escalated == '1')
if not redis.call('ZSCORE', l, id) then
  leave(id)
  make_claimable(id)
end
if ARGV[9] ~= '1' then
  redis.call('ZADD', j, server_ms(), id)
end
return {had[1] and 'REPLACED' or 'NEW', seq}
