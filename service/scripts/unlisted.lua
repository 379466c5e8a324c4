#!lua flags=no-writes
-- One step of a walk over a sorted set, while others go on changing it (ZSCAN), for those of its
-- members that stand in no other.
-- KEYS 1 the set 2.. the others
-- ARGV 1 cursor, 0 to begin 2 about how many
-- Answers {next cursor, ids}; the walk is over with cursor 0.
local cursor, found = unpack(redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2]))
local ids = {}
for i = 1, #found, 2 do
  ids[#ids + 1] = found[i]
end
for i = 2, #KEYS do
  local left = {}
  local scores = #ids > 0 and redis.call('ZMSCORE', KEYS[i], unpack(ids)) or {}
  for k, score in ipairs(scores) do
    if not score then
      left[#left + 1] = ids[k]
    end
  end
  ids = left
end
return {cursor, ids}
