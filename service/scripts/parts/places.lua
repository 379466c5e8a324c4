-- The keys of one site in their fixed order (`Keys.places`), and how a comment moves among them.
-- An item is in exactly one of q, e, a, x, l, and in t and p, or te and pe while escalated.
local q, e, a, x, l, lm, t, p, te, pe, j, meta, redo = unpack(KEYS, 1, 13)
local ITEMS = 13 -- item keys follow these

local function server_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Takes comments from wherever they wait or are held; the lists for looking stay.
local function leave(...)
  redis.call('ZREM', q, ...)
  redis.call('ZREM', e, ...)
  redis.call('ZREM', a, ...)
  redis.call('ZREM', x, ...)
  redis.call('ZREM', l, ...)
  redis.call('HDEL', lm, ...)
end

-- Takes comments out of everything but their items.
local function forget(...)
  leave(...)
  redis.call('ZREM', t, ...)
  redis.call('ZREM', p, ...)
  redis.call('ZREM', te, ...)
  redis.call('ZREM', pe, ...)
  redis.call('ZREM', j, ...)
end

-- Enters a comment into the lists for looking, by age and by priority.
local function enlist(id, score, created, escalated)
  redis.call('ZREM', escalated and t or te, id)
  redis.call('ZREM', escalated and p or pe, id)
  redis.call('ZADD', escalated and te or t, created, id)
  redis.call('ZADD', escalated and pe or p, score, id)
end

-- Lets a comment be claimed, if it waits at all: a public one was only leased.
local function make_claimable(id)
  local score = redis.call('ZSCORE', pe, id)
  if score then
    redis.call('ZADD', e, score, id)
    return
  end
  score = redis.call('ZSCORE', p, id)
  if score then
    redis.call('ZADD', q, score, id)
  end
end

-- True when a comment is claimable, settling, quarantined or leased.
local function has_place(id)
  return redis.call('ZSCORE', q, id) or redis.call('ZSCORE', e, id)
    or redis.call('ZSCORE', a, id) or redis.call('ZSCORE', x, id)
    or redis.call('ZSCORE', l, id)
end
