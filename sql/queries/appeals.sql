-- Authors' requests for a second look, one a comment.

-- name: hold_article
-- The lock under which an article is decided, shared: nothing is decided while it is held.
--   $1 site_id integer, $2 article_id uuid
-- Index: article_counts_pkey.
SELECT 1 FROM article_counts WHERE site_id = $1 AND article_id = $2 FOR SHARE;

-- name: add
-- An appeal, if there was none yet and the decision it is against is still the latest.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 appeal_id uuid, $5 n integer,
--   $6 text text, $7 at timestamptz
INSERT INTO appeals (site_id, article_id, comment_id, appeal_id, n, text, at)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE $5 = (SELECT max(n) FROM decisions
            WHERE site_id = $1 AND article_id = $2 AND comment_id = $3)
ON CONFLICT (site_id, article_id, comment_id) DO NOTHING
RETURNING appeal_id;

-- name: find
-- The appeals of some comments.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: appeals_pkey.
SELECT a.comment_id, a.appeal_id, a.n, a.text, a.at, a.answered_at, a.granted, a.note,
    a.actor_kind, a.actor_id
FROM unnest($2::uuid[], $3::uuid[]) AS wanted (article_id, comment_id)
JOIN appeals a ON a.site_id = $1 AND a.article_id = wanted.article_id
    AND a.comment_id = wanted.comment_id;

-- name: lane
-- Comments with an open appeal, the oldest appeal first.
--   $1 site_id integer, $2 after_at timestamptz, $3 after_id uuid (both null: from the start),
--   $4 limit integer
-- Index: appeals_open.
SELECT comment_id, at FROM appeals
WHERE site_id = $1 AND answered_at IS NULL
  AND (at, comment_id) > (coalesce($2::timestamptz, '-infinity'),
                          coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY at, comment_id
LIMIT $4;

-- name: count_lane
-- How many appeals are open.
--   $1 site_id integer
-- Index: appeals_open.
SELECT count(*) AS appeals FROM appeals WHERE site_id = $1 AND answered_at IS NULL;

-- name: deny
-- An appeal that changes nothing; no row when it was answered before. One that is granted is
-- answered by the decision that makes its comment public (decisions.sql).
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 note text, $5 actor_kind text,
--   $6 actor_id text, $7 at timestamptz
-- Index: appeals_pkey.
UPDATE appeals
SET granted = false, note = $4, actor_kind = $5, actor_id = $6, answered_at = $7
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND answered_at IS NULL
RETURNING appeal_id;

-- name: reopen
-- An appeal that was denied, unless its comment was decided since.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 n integer (the comment's latest
--   decision), $5 answered_at timestamptz
-- Index: appeals_pkey, decisions_pkey.
UPDATE appeals
SET granted = NULL, note = '', actor_kind = NULL, actor_id = NULL, answered_at = NULL
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND NOT granted AND answered_at = $5
  AND $4 = (SELECT max(n) FROM decisions
            WHERE site_id = $1 AND article_id = $2 AND comment_id = $3)
RETURNING appeal_id;
