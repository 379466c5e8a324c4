-- Why: what was done about one author is found in the log by the entries that name them.
CREATE INDEX CONCURRENTLY audit_entries_by_entry ON audit_entries (site_id, entry_id)
    WHERE kind = 'act';
