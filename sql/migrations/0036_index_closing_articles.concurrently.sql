-- Why: webhooks tell of articles that close by themselves, and they are looked for every few seconds.
CREATE INDEX CONCURRENTLY articles_closing ON articles (close_at)
    WHERE close_at IS NOT NULL AND state IN ('open', 'premoderated') AND merged_into IS NULL;
