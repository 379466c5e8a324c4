-- A rule may speak twice about a text: the version that is live, and a later one in shadow.
-- The table is as new as the migration before: it is empty, and nothing waits for its locks.
-- squawk-ignore ban-drop-constraint
ALTER TABLE signals DROP CONSTRAINT signals_pkey;
-- squawk-ignore adding-serial-primary-key-field, constraint-missing-not-valid
ALTER TABLE signals ADD PRIMARY KEY (site_id, article_id, comment_id, revision, rule, version);
