-- Public comments that no person decided, until somebody has looked at them.

-- name: lane
-- Public comments nobody has seen, the longest public first.
--   $1 site_id integer, $2 after_at timestamptz, $3 after_id uuid (both null: from the start),
--   $4 limit integer
-- Index: comments_unseen.
SELECT comment_id, published_at FROM comments
WHERE site_id = $1 AND unseen AND status = 'approved'
  AND (published_at, comment_id) > (coalesce($2::timestamptz, '-infinity'),
                                    coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY published_at, comment_id
LIMIT $4;

-- name: count_lane
-- How many public comments nobody has seen, as far as anybody counts.
--   $1 site_id integer, $2 at_most integer
-- Index: comments_unseen.
SELECT count(*) AS comments FROM (
    SELECT 1 FROM comments WHERE site_id = $1 AND unseen AND status = 'approved' LIMIT $2
) unseen;

-- name: mark
-- Comments as seen by somebody; those that were not to be seen are left out.
--   $1 site_id integer, $2 comment_ids uuid[], $3 actor_kind text, $4 actor_id text,
--   $5 at timestamptz
-- Index: comment_places_pkey, comments_pkey.
WITH held AS (
    SELECT c.site_id, c.article_id, c.comment_id
    FROM comment_places p
    JOIN comments c ON c.site_id = p.site_id AND c.article_id = p.article_id
        AND c.comment_id = p.comment_id
    WHERE p.site_id = $1 AND p.comment_id = ANY($2::uuid[]) AND c.unseen AND c.status = 'approved'
    ORDER BY c.article_id, c.comment_id
    FOR UPDATE OF c
), marked AS (
    UPDATE comments c SET unseen = false
    FROM held
    WHERE c.site_id = held.site_id AND c.article_id = held.article_id
      AND c.comment_id = held.comment_id
    RETURNING c.site_id, c.article_id, c.comment_id
)
INSERT INTO seen (site_id, article_id, comment_id, actor_kind, actor_id, at)
SELECT site_id, article_id, comment_id, $3, $4, $5 FROM marked
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    actor_kind = excluded.actor_kind, actor_id = excluded.actor_id, at = excluded.at
RETURNING comment_id;

-- name: unmark
-- Comments as unseen again, of those that the same person had seen and that are public.
--   $1 site_id integer, $2 comment_ids uuid[], $3 actor_kind text, $4 actor_id text
-- Index: comment_places_pkey, seen_pkey, comments_pkey.
WITH taken AS (
    DELETE FROM seen s USING comment_places p
    WHERE p.site_id = $1 AND p.comment_id = ANY($2::uuid[]) AND s.site_id = p.site_id
      AND s.article_id = p.article_id AND s.comment_id = p.comment_id
      AND s.actor_kind = $3 AND s.actor_id = $4
    RETURNING s.site_id, s.article_id, s.comment_id
)
UPDATE comments c SET unseen = true
FROM taken
WHERE c.site_id = taken.site_id AND c.article_id = taken.article_id
  AND c.comment_id = taken.comment_id AND c.status = 'approved'
RETURNING c.comment_id;
