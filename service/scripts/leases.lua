#!lua flags=no-writes
-- Who holds which of the given comments.
-- KEYS 1 l 2 lm
-- ARGV ids
-- Answers {id, deadline, JSON of owner, name and fence, ...} for those held now.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local deadlines = redis.call('ZMSCORE', KEYS[1], unpack(ARGV))
local held = {}
for i, deadline in ipairs(deadlines) do
  if deadline and tonumber(deadline) > now then
    held[#held + 1] = ARGV[i]
    held[#held + 1] = deadline
    held[#held + 1] = redis.call('HGET', KEYS[2], ARGV[i])
  end
end
return held
