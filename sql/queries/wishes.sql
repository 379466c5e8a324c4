-- How members like to work.

-- name: find
-- A member's wishes.
--   $1 member_id uuid
-- Index: member_wishes_pkey.
SELECT wishes FROM member_wishes WHERE member_id = $1;

-- name: keep
-- A member's wishes, in place of earlier ones.
--   $1 member_id uuid, $2 wishes jsonb, $3 at timestamptz
INSERT INTO member_wishes (member_id, wishes, at) VALUES ($1, $2, $3)
ON CONFLICT (member_id) DO UPDATE SET wishes = excluded.wishes, at = excluded.at;
