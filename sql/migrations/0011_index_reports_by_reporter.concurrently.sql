-- Why: an author's page says how many reports they made, and how many were upheld.
CREATE INDEX CONCURRENTLY reports_by_reporter ON reports (site_id, reporter_key);
