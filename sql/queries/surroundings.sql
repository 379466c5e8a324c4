-- What surrounds comments in a queue.

-- name: around
-- The articles of comments, or those they were merged into, their authors' records, and the clusters
-- that have others in them; one row for each comment. Looked up one by one (LIMIT): joined, all
-- comments of a site in clusters would be read for ten.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[], $4 author_ids uuid[] (side by side)
-- Index: articles_pkey, readers_pkey, cluster_members_pkey, clusters_pkey.
SELECT wanted.comment_id, wanted.author_id,
       a.article_id, a.key, a.url, a.title, a.views_per_hour,
       r.approved AS author_approved, r.rejected AS author_rejected, r.first_seen, r.banned_until,
       c.cluster_id, c.size, c.authors, c.waiting, c.escalated, c.outliers, c.public, c.approved,
       c.rejected, c.reason, c.first_at, c.last_at
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS wanted (article_id, comment_id, author_id)
LEFT JOIN LATERAL (
    SELECT coalesce(merged_into, article_id) AS article_id FROM articles
    WHERE site_id = $1 AND article_id = wanted.article_id LIMIT 1
) asked ON true
LEFT JOIN LATERAL (
    SELECT article_id, key, url, title, views_per_hour FROM articles
    WHERE site_id = $1 AND article_id = asked.article_id LIMIT 1
) a ON true
LEFT JOIN LATERAL (
    SELECT approved, rejected, first_seen, banned_until FROM readers
    WHERE site_id = $1 AND author_id = wanted.author_id LIMIT 1
) r ON true
LEFT JOIN LATERAL (
    SELECT cluster_id FROM cluster_members
    WHERE site_id = $1 AND article_id = wanted.article_id AND comment_id = wanted.comment_id
    LIMIT 1
) m ON true
LEFT JOIN LATERAL (
    SELECT cluster_id, size, authors, waiting, escalated, outliers, public, approved, rejected,
           reason, first_at, last_at
    FROM clusters WHERE site_id = $1 AND cluster_id = m.cluster_id AND size > 1 LIMIT 1
) c ON true;
