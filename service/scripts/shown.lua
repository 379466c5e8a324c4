#!lua flags=no-writes
-- Comments that wait, whole, with how often their articles are read.
-- KEYS 1 vr 2.. items
-- Answers for each {field, value, ...}, and behind them for each the rate of its article, if known.
local found, articles = {}, {}
for i = 2, #KEYS do
  found[i - 1] = redis.call('HGETALL', KEYS[i])
  local origin = redis.call('HGET', KEYS[i], 'origin')
  articles[i - 1] = origin and cjson.decode(origin).article_id or ''
end
for _, rate in ipairs(redis.call('HMGET', KEYS[1], unpack(articles))) do
  found[#found + 1] = rate
end
return found
