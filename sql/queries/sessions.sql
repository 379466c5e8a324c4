-- Where the newsroom's people are signed in.

-- name: open_session
-- Somebody signed in, and so was here; the token is known by its hash alone.
--   $1 token_hash bytea, $2 session_id uuid, $3 member_id uuid, $4 method text, $5 agent text,
--   $6 now timestamptz, $7 expires_at timestamptz
-- Index: members_pkey.
WITH opened AS (
    INSERT INTO sessions
        (token_hash, session_id, member_id, method, agent, created_at, seen_at, proved_at,
         expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $7)
    RETURNING member_id
)
UPDATE members AS m
SET seen_at = $6
FROM opened
WHERE m.member_id = opened.member_id;

-- name: end_excess_sessions
-- End the oldest sessions of a member beyond a number.
--   $1 member_id uuid, $2 kept integer
-- Index: sessions_by_member.
DELETE FROM sessions AS s
WHERE s.member_id = $1 AND s.token_hash NOT IN (
    SELECT k.token_hash
    FROM sessions AS k
    WHERE k.member_id = $1
    ORDER BY k.created_at DESC
    LIMIT $2
);

-- name: find_session
-- A session with its member, whoever they are by now, and what they may do where: arrays of
-- site_id, slug and role. An owner is an admin of every site.
--   $1 token_hash bytea
-- Index: sessions_pkey; members_pkey; memberships_pkey.
SELECT s.session_id, s.member_id, s.method, s.agent, s.created_at, s.seen_at, s.proved_at,
       s.expires_at, m.email, m.name, m.owner,
       (
           SELECT coalesce(jsonb_agg(jsonb_build_array(w.site_id, w.slug, w.role)
                                     ORDER BY w.slug), '[]')
           FROM (
               SELECT t.site_id, t.slug, CASE WHEN m.owner THEN 'admin' ELSE r.role END AS role
               FROM sites AS t
               LEFT JOIN memberships AS r ON r.site_id = t.site_id AND r.member_id = m.member_id
               WHERE m.owner OR r.role IS NOT NULL
           ) AS w
       ) AS roles
FROM sessions AS s
JOIN members AS m ON m.member_id = s.member_id
WHERE s.token_hash = $1 AND m.removed_at IS NULL;

-- name: touch_session
-- Note that a session is in use, and its member at work.
--   $1 session_id uuid, $2 now timestamptz
-- Index: sessions_session_id_key; members_pkey.
WITH touched AS (
    UPDATE sessions
    SET seen_at = $2
    WHERE session_id = $1 AND seen_at < $2
    RETURNING member_id
)
UPDATE members AS m
SET seen_at = $2
FROM touched
WHERE m.member_id = touched.member_id;

-- name: renew_session
-- A member proved again who they are: from now on another token is the session's.
--   $1 session_id uuid, $2 token_hash bytea, $3 now timestamptz, $4 method text
-- Index: sessions_session_id_key.
UPDATE sessions
SET token_hash = $2, proved_at = $3, seen_at = $3, method = $4
WHERE session_id = $1;

-- name: sessions_of_member
-- Where a member is signed in, latest use first.
--   $1 member_id uuid
-- Index: sessions_by_member.
SELECT session_id, member_id, method, agent, created_at, seen_at, proved_at, expires_at
FROM sessions
WHERE member_id = $1
ORDER BY seen_at DESC, session_id;

-- name: end_session
-- Sign a member out of one session; no row when it is not theirs or ended before.
--   $1 member_id uuid, $2 session_id uuid
-- Index: sessions_session_id_key.
DELETE FROM sessions
WHERE member_id = $1 AND session_id = $2
RETURNING session_id;

-- name: end_other_sessions
-- Sign a member out everywhere but in one session; null spares none.
--   $1 member_id uuid, $2 spared uuid
-- Index: sessions_by_member.
DELETE FROM sessions
WHERE member_id = $1 AND session_id IS DISTINCT FROM $2
RETURNING session_id;

-- name: end_old_sessions
-- Forget sessions that nobody can use any more.
--   $1 now timestamptz, $2 seen_before timestamptz
-- Index: none; the table has a few rows a member.
DELETE FROM sessions
WHERE expires_at <= $1 OR seen_at <= $2;
