-- Why: a reader asks for what waits of their own under an article, every half minute.
CREATE INDEX CONCURRENTLY intake_journal_by_author
    ON intake_journal (site_id, article_id, ((payload -> 'author' ->> 'id')))
    WHERE state = 'waiting';
