-- Why: the newsroom's list of articles, newest first, and what is older than some days.
CREATE INDEX CONCURRENTLY articles_newest ON articles (site_id, created_at DESC, article_id DESC)
    WHERE merged_into IS NULL;
