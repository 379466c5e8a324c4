-- Why: statistics count what was seen on some days.
CREATE INDEX CONCURRENTLY seen_by_time ON seen (site_id, at);
