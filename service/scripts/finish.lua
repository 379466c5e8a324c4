#!lua flags=allow-oom
-- Cleans up after decisions that Postgres has committed. Asked twice it does nothing more.
-- KEYS places, items
-- ARGV 1 redo_age_ms, then for each item: id, n, judged revision, action, decision_id,
--      '1' when the decision leaves the comment waiting, '' when it is only to be kept (what waits
--      again is put back by itself), the decision as JSON
-- Answers for each: DONE, GONE (no such item), or NEWER (something later still waits).
-- Each decision is kept for a day, with the item if there is one, against a Postgres that goes
-- back in time; of an erasure nothing is.
--- use places
local now = server_ms()
local oldest_redo = string.format('%.0f', now - ARGV[1])
local DROPS_NEWER = {withdraw = true, delete = true, erase = true}
local ANSWERS_ESCALATION = {approve = true, reject = true}

local function keep_waiting(item, id, n, action, newer)
  local had = redis.call('HMGET', item, 'score', 'created', 'escalated')
  local escalated = action == 'escalate' or (had[3] == '1' and not ANSWERS_ESCALATION[action])
  redis.call('HSET', item, 'n', n, 'escalated', escalated and 1 or 0)
  if newer and action == 'approve' then
    redis.call('HSET', item, 'kind', 'edit')
  end
  leave(id)
  enlist(id, had[1], had[2], escalated)
  make_claimable(id)
  redis.call('ZADD', j, now, id)
end

local function keep(id, n, judged, action, decision_id, said, fields)
  if action ~= 'erase' then
    redis.call('XADD', redo, 'MINID', '~', oldest_redo, '*', 'id', id, 'decision_n', n,
      'judged', judged, 'action', action, 'decision', decision_id, 'said', said, unpack(fields))
  end
end

-- What is over, all of it taken away at once in the end: apart it took most of the time.
local over, items = {}, {}

local function finish(item, id, n, judged, action, decision_id, waits, said)
  if waits == '' then
    keep(id, n, judged, action, decision_id, said, {})
    return 'DONE'
  end
  local had = redis.call('HMGET', item, 'n', 'revision')
  if not had[1] then
    keep(id, n, judged, action, decision_id, said, {})
    over[#over + 1] = id
    return 'GONE'
  end
  if tonumber(had[1]) >= tonumber(n) then
    return 'NEWER' -- it began to wait after this decision
  end
  if DROPS_NEWER[action] then
    redis.call('HDEL', item, 'text') -- its author, or the law, took it away
  end
  keep(id, n, judged, action, decision_id, said, redis.call('HGETALL', item))
  local newer = tonumber(had[2]) > tonumber(judged)
  if waits == '1' or (newer and not DROPS_NEWER[action]) then
    keep_waiting(item, id, n, action, newer)
    return newer and 'NEWER' or 'DONE'
  end
  over[#over + 1] = id
  items[#items + 1] = item
  return 'DONE'
end

local outcomes = {}
for i = 1, #KEYS - ITEMS do
  outcomes[i] = finish(KEYS[ITEMS + i], unpack(ARGV, i * 7 - 5, i * 7 + 1))
end
if #over > 0 then
  forget(unpack(over))
end
if #items > 0 then
  redis.call('DEL', unpack(items))
end
return outcomes
