-- Why: the log says of each act on an author whom it is about.
CREATE INDEX CONCURRENTLY reader_acts_by_entry ON reader_acts (site_id, entry_id);
