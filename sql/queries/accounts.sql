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

-- name: revoke_key
-- End a key of a site; no row when there is none or it ended before.
--   $1 site_id integer, $2 key_id text, $3 now timestamptz
-- Index: api_keys_pkey.
UPDATE api_keys
SET revoked_at = $3
WHERE site_id = $1 AND key_id = $2 AND revoked_at IS NULL
RETURNING key_id;

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
-- The team of one site, by address.
--   $1 site_id integer
-- Index: memberships_by_site.
SELECT m.member_id, m.email, m.name, r.role, r.since
FROM memberships AS r
JOIN members AS m ON m.member_id = r.member_id
WHERE r.site_id = $1 AND m.removed_at IS NULL
ORDER BY m.email;

-- name: roles_of_member
-- What one member may do, and where.
--   $1 member_id uuid
-- Index: memberships_pkey.
SELECT s.site_id, s.slug, r.role
FROM memberships AS r
JOIN members AS m ON m.member_id = r.member_id
JOIN sites AS s ON s.site_id = r.site_id
WHERE r.member_id = $1 AND m.removed_at IS NULL
ORDER BY s.slug;

-- name: add_invitation
-- A one-time link, known by its hash; without a member it is the owner's.
--   $1 token_hash bytea, $2 member_id uuid, $3 created_at timestamptz, $4 expires_at timestamptz
INSERT INTO invitations (token_hash, member_id, created_at, expires_at)
VALUES ($1, $2, $3, $4);

-- name: take_invitation
-- Use up a link that is still good; no row when it is not.
--   $1 token_hash bytea, $2 now timestamptz
-- Index: invitations_pkey.
UPDATE invitations
SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING member_id;

-- name: members_exist
-- Whether anybody is in the newsroom yet.
-- Index: members_pkey.
SELECT EXISTS (SELECT 1 FROM members WHERE removed_at IS NULL) AS known;
