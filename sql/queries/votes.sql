-- Readers' votes, once a reader and comment.

-- name: hold_comment
-- A public comment, held while its votes change.
--   $1 site_id integer, $2 comment_id uuid
-- Index: comment_places_pkey, comments_pkey.
SELECT c.article_id, c.author_id, c.up, c.down, c.created_at
FROM comment_places p
JOIN comments c ON c.site_id = p.site_id AND c.article_id = p.article_id
    AND c.comment_id = p.comment_id
WHERE p.site_id = $1 AND p.comment_id = $2 AND c.status = 'approved'
FOR UPDATE OF c;

-- name: find
-- What a reader voted for a comment.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 voter_id uuid
-- Index: votes_pkey.
SELECT value, counts FROM votes
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND voter_id = $4;

-- name: of_address
-- How many votes of other guests of one address count for a comment since a time.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 voter_id uuid,
--   $5 address_hash text, $6 since timestamptz
-- Index: votes_by_address.
SELECT count(*) AS votes FROM votes
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND voter_id <> $4
  AND address_hash = $5 AND counts AND at >= $6;

-- name: put
-- A reader's vote, in place of an earlier one.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 voter_id uuid, $5 value smallint,
--   $6 counts boolean, $7 address_hash text, $8 at timestamptz
INSERT INTO votes (site_id, article_id, comment_id, voter_id, value, counts, address_hash, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (site_id, article_id, comment_id, voter_id) DO UPDATE SET value = excluded.value;

-- name: take_back
-- A vote taken back.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 voter_id uuid
-- Index: votes_pkey.
DELETE FROM votes
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND voter_id = $4;

-- name: sum_up
-- A comment's votes, and its place in the order of the best.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 up integer, $5 down integer,
--   $6 best double precision
-- Index: comments_pkey.
UPDATE comments SET up = $4, down = $5, best = $6
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: of_voter
-- A reader's votes under some articles, the newest comments first.
--   $1 site_id integer, $2 article_ids uuid[], $3 voter_id uuid, $4 limit integer
-- Index: votes_by_voter.
SELECT comment_id, value FROM votes
WHERE site_id = $1 AND article_id = ANY($2::uuid[]) AND voter_id = $3
ORDER BY comment_id DESC
LIMIT $4;
