-- Why: a site's feed is what was published last, and it is asked for every few minutes.
CREATE INDEX CONCURRENTLY comments_published ON comments (site_id, published_at DESC)
    WHERE status = 'approved';
