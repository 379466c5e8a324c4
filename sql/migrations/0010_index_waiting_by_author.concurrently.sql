-- Why: an author's page shows what they have waiting under all articles, and a sweep rejects it.
CREATE INDEX CONCURRENTLY intake_journal_waiting_by_author
    ON intake_journal (site_id, ((payload -> 'author' ->> 'id')))
    WHERE state = 'waiting';
