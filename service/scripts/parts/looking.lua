-- Comments that wait, as they are kept: {origin, draft, text, revision, kind, n, seq, score,
-- escalated} for each, or false. KEYS from `first` on are items.
local function written(first)
  local found = {}
  for i = first, #KEYS do
    local fields = redis.call('HMGET', KEYS[i], 'origin', 'draft', 'text', 'revision', 'kind', 'n',
      'seq', 'score', 'escalated')
    found[i - first + 1] = fields[1] and fields
  end
  return found
end

-- Who holds which of the comments in ARGV: {now, their deadlines, their holders}. KEYS 1 l 2 lm
local function held()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return {now, redis.call('ZMSCORE', KEYS[1], unpack(ARGV)), redis.call('HMGET', KEYS[2], unpack(ARGV))}
end
