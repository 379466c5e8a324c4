-- Counters compared with what they count.

-- name: touched
-- Articles decided on since a time, some at a time.
--   $1 site_id integer, $2 since timestamptz, $3 after article_id uuid, $4 limit integer
-- Index: decisions_by_time.
SELECT DISTINCT article_id
FROM decisions
WHERE site_id = $1 AND at >= $2 AND article_id > $3
ORDER BY article_id
LIMIT $4;

-- name: every
-- All articles of a site, some at a time.
--   $1 site_id integer, $2 after article_id uuid, $3 limit integer
-- Index: article_counts_pkey.
SELECT article_id
FROM article_counts
WHERE site_id = $1 AND article_id > $2
ORDER BY article_id
LIMIT $3;

-- name: hold
-- An article against every decision, as when it is decided.
--   $1 site_id integer, $2 article_id uuid
-- Index: article_counts_pkey.
SELECT true FROM article_counts WHERE site_id = $1 AND article_id = $2 FOR UPDATE;

-- name: mend_replies
-- Comments whose replies are counted wrongly; as many as there are.
--   $1 site_id integer, $2 article_id uuid
-- Index: comments_pkey.
WITH counted AS (
    SELECT c.comment_id,
           count(r.comment_id) FILTER (WHERE r.status = 'approved')::int AS replies,
           count(r.comment_id) FILTER (WHERE r.shown)::int AS shown
    FROM comments c
    LEFT JOIN comments r ON r.site_id = c.site_id AND r.article_id = c.article_id
        AND r.parent_id = c.comment_id
    WHERE c.site_id = $1 AND c.article_id = $2
    GROUP BY c.comment_id
), mended AS (
    UPDATE comments c SET reply_count = counted.replies, shown_replies = counted.shown
    FROM counted
    WHERE c.site_id = $1 AND c.article_id = $2 AND c.comment_id = counted.comment_id
      AND (c.reply_count <> counted.replies OR c.shown_replies <> counted.shown)
    RETURNING c.comment_id
)
SELECT count(*)::int FROM mended;

-- name: mend_counts
-- An article's counts, where they are wrong.
--   $1 site_id integer, $2 article_id uuid
-- Index: comments_pkey, article_counts_pkey.
UPDATE article_counts a
SET approved = counted.approved, shown_roots = counted.shown_roots, version = a.version + 1
FROM (
    SELECT count(*) FILTER (WHERE status = 'approved') AS approved,
           count(*) FILTER (WHERE parent_id IS NULL AND shown) AS shown_roots
    FROM comments
    WHERE site_id = $1 AND article_id = $2
) counted
WHERE a.site_id = $1 AND a.article_id = $2
  AND (a.approved <> counted.approved OR a.shown_roots <> counted.shown_roots)
RETURNING true;

-- name: renew
-- A new version of an article's thread.
--   $1 site_id integer, $2 article_id uuid
-- Index: article_counts_pkey.
UPDATE article_counts SET version = version + 1 WHERE site_id = $1 AND article_id = $2;
