-- Why: statistics count the appeals that were answered on some days.
CREATE INDEX CONCURRENTLY appeals_answered ON appeals (site_id, answered_at)
    WHERE answered_at IS NOT NULL;
