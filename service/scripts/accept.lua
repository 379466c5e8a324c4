#!lua
-- Takes a comment in, once a submission, and charges its limits. Refused whole when memory is full.
-- KEYS 1 item 2 q, or a when a rule has decided 3 t 4 te 5 p 6 j 7 meta
--      then what was sent lately: lists of the author and of the address, and beside the latter
--      where the comment's address is noted, then [submission], then a limit each
-- ARGV 1 id 2 score 3 created_ms 4 pending_max 5 grace_ms before settling, '' for q
--      6 fingerprint 7 author_id 8 submission_ttl_ms 9 how many lists 10 a line for each of them
--      11 list_ttl_ms 12 lines a list keeps 13 address hash 14 a sequence number that was
--      acknowledged before 15 how many limits 16.. for each of them: interval_us between two, burst,
--      cost; then the item's fields and values
-- Answers {OK, seq}, {DUP or MISMATCH, id, author_id, status of the first answer}, {LIMITED, ms
-- until all limits have room}, or {EMPTY}, {FULL}, {CLASH}. Nothing is charged but for OK.
--- use limits
local meta = redis.call('HMGET', KEYS[7], 'epoch', 'seq')
if not meta[1] then
  return {'EMPTY'}
end
local id, lists, limits = ARGV[1], tonumber(ARGV[9]), tonumber(ARGV[15])
local noted = lists > 1 and KEYS[8 + lists]
local others = 7 + lists + (noted and 1 or 0)
local submission = others + limits < #KEYS and KEYS[others + 1]
if submission then
  local earlier = redis.call('HMGET', submission, 'id', 'fingerprint', 'author', 'status')
  if earlier[1] then
    -- Written on purpose: a WAIT on this connection then covers the original as well.
    redis.call('HINCRBY', submission, 'replays', 1)
    local outcome = earlier[2] == ARGV[6] and 'DUP' or 'MISMATCH'
    return {outcome, earlier[1], earlier[3], earlier[4]}
  end
end
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local due, wait = reckon(now_us, limits, 16)
if wait > 0 then
  return {'LIMITED', wait}
end
if redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[4]) then
  return {'FULL'}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'CLASH'}
end
local now = math.floor(now_us / 1000)
local at, known = tonumber(meta[2] or 0), tonumber(ARGV[14])
if at < known then
  -- This Redis went back in time. No number is given twice, also not one that other processes
  -- know of; whoever fills it up again is told how far it fell.
  redis.call('HSETNX', KEYS[7], 'fell_to', at)
  redis.call('HSET', KEYS[7], 'fell_from', known, 'seq', known + 1000)
end
local seq = redis.call('HINCRBY', KEYS[7], 'seq', 1)
charge(now_us, due)
redis.call('HSET', KEYS[1], unpack(ARGV, 16 + 3 * limits))
redis.call('HSET', KEYS[1], 'seq', seq)
redis.call('ZADD', KEYS[2], ARGV[5] == '' and ARGV[2] or now + ARGV[5], id)
redis.call('ZADD', KEYS[3], ARGV[3], id)
redis.call('ZADD', KEYS[5], ARGV[2], id)
redis.call('ZADD', KEYS[6], now, id)
for i = 8, 7 + lists do
  redis.call('LPUSH', KEYS[i], ARGV[10])
  redis.call('LTRIM', KEYS[i], 0, ARGV[12] - 1)
  redis.call('PEXPIRE', KEYS[i], ARGV[11])
end
if noted then
  redis.call('SET', noted, ARGV[13], 'PX', ARGV[11])
end
if submission then
  redis.call('HSET', submission, 'id', id, 'fingerprint', ARGV[6], 'author', ARGV[7], 'status', 202)
  redis.call('PEXPIRE', submission, ARGV[8])
end
return {'OK', seq}
