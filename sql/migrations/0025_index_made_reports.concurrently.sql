-- Why: statistics count the reports of some days.
CREATE INDEX CONCURRENTLY reports_made ON reports (site_id, at);
