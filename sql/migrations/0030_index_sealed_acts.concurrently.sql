-- Why: acts are few among decisions, and the log is asked for them alone.
CREATE INDEX CONCURRENTLY audit_entries_acts ON audit_entries (site_id, position)
    WHERE kind = 'act';
