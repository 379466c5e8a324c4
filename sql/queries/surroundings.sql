-- What surrounds comments in a queue.

-- name: around
-- The articles of comments, or those they were merged into, their authors' records, and the clusters
-- that have others in them; one row for each comment.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[], $4 author_ids uuid[] (side by side)
-- Index: articles_pkey, readers_pkey, cluster_members_pkey, clusters_pkey.
SELECT wanted.comment_id, wanted.author_id,
       a.article_id, a.key, a.url, a.title, a.views_per_hour,
       r.approved AS author_approved, r.rejected AS author_rejected, r.first_seen, r.banned_until,
       c.cluster_id, c.size, c.authors, c.waiting, c.escalated, c.outliers, c.public, c.approved,
       c.rejected, c.reason, c.first_at, c.last_at
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS wanted (article_id, comment_id, author_id)
LEFT JOIN articles AS asked ON asked.site_id = $1 AND asked.article_id = wanted.article_id
LEFT JOIN articles AS a
    ON a.site_id = $1 AND a.article_id = coalesce(asked.merged_into, asked.article_id)
LEFT JOIN readers AS r ON r.site_id = $1 AND r.author_id = wanted.author_id
LEFT JOIN cluster_members AS m ON m.site_id = $1 AND m.article_id = wanted.article_id
    AND m.comment_id = wanted.comment_id
LEFT JOIN clusters AS c ON c.site_id = $1 AND c.cluster_id = m.cluster_id AND c.size > 1;
