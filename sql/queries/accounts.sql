-- Keys of back ends, the newsroom's people, and the links that let them in.

-- name: create_key
-- A new key, its secret known by its hash alone; no row when the id is taken.
--   $1 key_id text, $2 site_id integer, $3 name text, $4 secret_hash bytea, $5 scopes text[],
--   $6 created_at timestamptz, $7 expires_at timestamptz
INSERT INTO api_keys (key_id, site_id, name, secret_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (key_id) DO NOTHING
RETURNING key_id;

-- name: find_key
-- One key that was not revoked, with its site's slug.
--   $1 key_id text
-- Index: api_keys_pkey.
SELECT k.key_id, k.site_id, s.slug AS site, k.name, k.scopes, k.created_at, k.expires_at,
       k.revoked_at, k.last_used_at, k.secret_hash
FROM api_keys AS k
JOIN sites AS s ON s.site_id = k.site_id
WHERE k.key_id = $1 AND k.revoked_at IS NULL;

-- name: keys_of_site
-- Every key of a site, oldest first, without its secret's hash.
--   $1 site_id integer
-- Index: api_keys_by_site.
SELECT k.key_id, k.site_id, s.slug AS site, k.name, k.scopes, k.created_at, k.expires_at,
       k.revoked_at, k.last_used_at
FROM api_keys AS k
JOIN sites AS s ON s.site_id = k.site_id
WHERE k.site_id = $1
ORDER BY k.created_at, k.key_id;

-- name: keys_ending
-- How many keys that were not revoked end within a time.
--   $1 from timestamptz, $2 until timestamptz
-- Index: none; there are few keys, and it is asked every few seconds by one process.
SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND expires_at > $1 AND expires_at <= $2;

-- name: revoke_key
-- End a key of a site; no row when there is none or it ended before.
--   $1 site_id integer, $2 key_id text, $3 now timestamptz
-- Index: api_keys_pkey.
UPDATE api_keys
SET revoked_at = $3
WHERE site_id = $1 AND key_id = $2 AND revoked_at IS NULL
RETURNING key_id;

-- name: hold_key
-- A key that is to be replaced, held so that nobody else replaces it; no row when it ended.
--   $1 site_id integer, $2 key_id text, $3 now timestamptz
-- Index: api_keys_pkey.
SELECT name, scopes, created_at, expires_at
FROM api_keys
WHERE site_id = $1 AND key_id = $2 AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
FOR UPDATE;

-- name: let_key_expire
-- Let a key end at a moment, if it does not end before.
--   $1 site_id integer, $2 key_id text, $3 expires_at timestamptz
-- Index: api_keys_pkey.
UPDATE api_keys
SET expires_at = least(expires_at, $3)
WHERE site_id = $1 AND key_id = $2
RETURNING expires_at;

-- name: touch_key
-- Note the hour in which a key was used, once an hour.
--   $1 key_id text, $2 hour timestamptz
-- Index: api_keys_pkey.
UPDATE api_keys
SET last_used_at = $2
WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < $2);

-- name: end_old_roles
-- What somebody who was removed might do before; being invited to one site brings none of it back.
--   $1 email text
-- Index: members_email_key; memberships_pkey.
DELETE FROM memberships AS r
USING members AS m
WHERE m.member_id = r.member_id AND m.email = $1 AND m.removed_at IS NOT NULL;

-- name: add_member
-- A member by address, who comes back if they were removed; returns whose address it is.
--   $1 member_id uuid, $2 email text
INSERT INTO members (member_id, email)
VALUES ($1, $2)
ON CONFLICT (email) DO UPDATE SET removed_at = NULL
RETURNING member_id;

-- name: give_role
-- What a member may do on one site.
--   $1 member_id uuid, $2 site_id integer, $3 role text, $4 since timestamptz
INSERT INTO memberships (member_id, site_id, role, since)
VALUES ($1, $2, $3, $4)
ON CONFLICT (member_id, site_id) DO UPDATE
SET role = excluded.role, since = excluded.since
WHERE memberships.role <> excluded.role;

-- name: members_of_site
-- The team of one site, by address, with what each can sign in with, in which languages they read
-- and which other sites they work on; an owner is of every team.
--   $1 site_id integer
-- Index: memberships_pkey; passwords_pkey; passkeys_by_member; member_wishes_pkey; the table of
-- members is small.
SELECT m.member_id, m.email, m.name, m.owner,
       CASE WHEN m.owner THEN 'admin' ELSE r.role END AS role,
       coalesce(r.since, m.created_at) AS since,
       m.seen_at,
       EXISTS (SELECT 1 FROM passwords AS p WHERE p.member_id = m.member_id) AS has_password,
       EXISTS (SELECT 1 FROM passkeys AS k WHERE k.member_id = m.member_id) AS has_passkey,
       EXISTS (SELECT 1 FROM authenticators AS a
               WHERE a.member_id = m.member_id AND a.confirmed_at IS NOT NULL) AS has_authenticator,
       (SELECT coalesce(array_agg(s.slug ORDER BY s.slug), '{}')
        FROM memberships AS o
        JOIN sites AS s ON s.site_id = o.site_id
        WHERE o.member_id = m.member_id) AS sites,
       (SELECT w.wishes -> 'languages' FROM member_wishes AS w
        WHERE w.member_id = m.member_id) AS languages
FROM members AS m
LEFT JOIN memberships AS r ON r.member_id = m.member_id AND r.site_id = $1
WHERE (m.owner OR r.site_id IS NOT NULL) AND m.removed_at IS NULL
ORDER BY m.email;

-- name: roles_of_member
-- What one member may do, and where; an owner is an admin of every site.
--   $1 member_id uuid
-- Index: members_pkey; memberships_pkey.
SELECT s.site_id, s.slug, CASE WHEN m.owner THEN 'admin' ELSE r.role END AS role
FROM members AS m
CROSS JOIN sites AS s
LEFT JOIN memberships AS r ON r.member_id = m.member_id AND r.site_id = s.site_id
WHERE m.member_id = $1 AND m.removed_at IS NULL AND (m.owner OR r.site_id IS NOT NULL)
ORDER BY s.slug;

-- name: member_has_arrived
-- Whether a member can sign in.
--   $1 member_id uuid
-- Index: passwords_pkey; passkeys_by_member.
SELECT EXISTS (SELECT 1 FROM passwords AS p WHERE p.member_id = $1)
    OR EXISTS (SELECT 1 FROM passkeys AS k WHERE k.member_id = $1) AS arrived;

-- name: change_role
-- What a member may do on one site from now on; no row when they have no role there.
--   $1 member_id uuid, $2 site_id integer, $3 role text, $4 since timestamptz
-- Index: memberships_pkey.
UPDATE memberships
SET role = $3, since = $4
WHERE member_id = $1 AND site_id = $2
RETURNING member_id;

-- name: take_role
-- A member does nothing on a site any more; no row when they did not before.
--   $1 member_id uuid, $2 site_id integer
-- Index: memberships_pkey.
DELETE FROM memberships WHERE member_id = $1 AND site_id = $2 RETURNING member_id;

-- name: remove_idle_member
-- Somebody without any role left is in the newsroom no more; no row when they have one.
--   $1 member_id uuid, $2 now timestamptz
-- Index: members_pkey; memberships_pkey.
UPDATE members AS m
SET removed_at = $2
WHERE m.member_id = $1 AND NOT m.owner
  AND NOT EXISTS (SELECT 1 FROM memberships AS r WHERE r.member_id = m.member_id)
RETURNING m.member_id;

-- name: add_invitation
-- A one-time link, known by its hash; without a member it is the owner's.
--   $1 token_hash bytea, $2 member_id uuid, $3 created_at timestamptz, $4 expires_at timestamptz,
--   $5 site_id integer, $6 resets boolean
INSERT INTO invitations (token_hash, member_id, created_at, expires_at, site_id, resets)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: members_exist
-- Whether anybody is in the newsroom yet.
-- Index: members_pkey.
SELECT EXISTS (SELECT 1 FROM members WHERE removed_at IS NULL) AS known;
