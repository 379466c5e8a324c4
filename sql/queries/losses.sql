-- What was acknowledged and went with Redis: written by whoever fills it up, read until somebody
-- in the newsroom has taken note.

-- name: note
-- A loss; no row where it was noted already.
--   $1 site_id integer, $2 seq bigint, $3 kind text, $4 lost_at_most bigint, $5 restored bigint,
--   $6 at timestamptz
INSERT INTO losses (site_id, seq, kind, lost_at_most, restored, at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, seq) DO NOTHING
RETURNING true;

-- name: open
-- What nobody has taken note of, latest first.
--   $1 site_ids integer[]
-- Index: losses_open.
SELECT site_id, seq, kind, lost_at_most, restored, at
FROM losses
WHERE site_id = ANY($1::integer[]) AND acknowledged_at IS NULL
ORDER BY at DESC, site_id
LIMIT 100;

-- name: acknowledge
-- Somebody's word that they know; no row where somebody else knew first, or there is no such loss.
--   $1 site_id integer, $2 seq bigint, $3 member_id uuid, $4 at timestamptz
-- Index: losses_pkey.
UPDATE losses SET acknowledged_by = $3, acknowledged_at = $4
WHERE site_id = $1 AND seq = $2 AND acknowledged_at IS NULL
RETURNING true;

-- name: exists
-- Whether there was such a loss.
--   $1 site_id integer, $2 seq bigint
-- Index: losses_pkey.
SELECT EXISTS (SELECT FROM losses WHERE site_id = $1 AND seq = $2);
