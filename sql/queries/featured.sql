-- What the newsroom puts forward among readers' comments.

-- name: hold_article
-- The lock under which a public comment's article is decided, with where the comment is.
--   $1 site_id integer, $2 comment_id uuid
-- Index: comment_places_pkey, article_counts_pkey.
SELECT counts.article_id
FROM comment_places p
JOIN article_counts counts ON counts.site_id = p.site_id AND counts.article_id = p.article_id
WHERE p.site_id = $1 AND p.comment_id = $2
FOR UPDATE OF counts;

-- name: feature
-- A public comment that is put forward, or no longer; no row where that changes nothing.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 featured boolean
-- Index: comments_pkey.
UPDATE comments SET featured = $4
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND status = 'approved'
  AND featured <> $4
RETURNING comment_id;

-- name: renew_thread
-- The article's thread has a new version.
--   $1 site_id integer, $2 article_id uuid
-- Index: article_counts_pkey.
UPDATE article_counts SET version = version + 1 WHERE site_id = $1 AND article_id = $2;

-- name: tell
-- What the rest of the world is still to be told.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 payload jsonb
INSERT INTO outbox (site_id, article_id, kind, comment_id, payload)
VALUES ($1, $2, 'comment.featured', $3, $4);
