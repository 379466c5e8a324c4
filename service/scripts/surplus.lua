#!lua flags=no-writes
-- How many more places than listed comments there are; more than none when one is not listed.
-- KEYS places
--- use places
local places = 0
for _, place in ipairs({q, e, a, x}) do
  places = places + redis.call('ZCARD', place)
end
local leased = redis.call('ZRANGE', l, 0, -1)
for _, list in ipairs(#leased > 0 and {t, te} or {}) do
  for _, score in ipairs(redis.call('ZMSCORE', list, unpack(leased))) do
    places = places + (score and 1 or 0)
  end
end
return places - redis.call('ZCARD', t) - redis.call('ZCARD', te)
