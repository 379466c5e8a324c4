#!lua flags=allow-oom
-- Makes items and places agree: an item without a place waits again, a place without item goes.
-- KEYS places, items
-- ARGV ids
-- Answers {items put back, places dropped}.
--- use places
local returned, dropped = 0, 0
for i, id in ipairs(ARGV) do
  local had = redis.call('HMGET', KEYS[ITEMS + i], 'score', 'created', 'escalated')
  local listed = redis.call('ZSCORE', t, id) or redis.call('ZSCORE', te, id)
  if had[1] then
    if not listed then
      enlist(id, had[1], had[2], had[3] == '1')
    end
    if not has_place(id) then
      make_claimable(id)
      returned = returned + 1
    end
  elseif listed or redis.call('ZSCORE', q, id) or redis.call('ZSCORE', e, id)
    or redis.call('ZSCORE', a, id) or redis.call('ZSCORE', x, id) then
    forget(id) -- a lease alone stays: public comments are leased without an item
    dropped = dropped + 1
  end
end
return {returned, dropped}
