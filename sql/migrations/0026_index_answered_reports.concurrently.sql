-- Why: statistics count the reports that were answered on some days.
CREATE INDEX CONCURRENTLY reports_answered ON reports (site_id, closed_at)
    WHERE closed_at IS NOT NULL;
