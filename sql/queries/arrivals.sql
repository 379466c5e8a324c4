-- What a one-time link lets somebody do.

-- name: find_invitation
-- A link that is still good, with whom it is for; without a member it is the owner's.
--   $1 token_hash bytea, $2 now timestamptz
-- Index: invitations_pkey; members_pkey; passwords_pkey; passkeys_by_member.
SELECT i.member_id, i.site_id, i.resets, m.email, m.name,
       EXISTS (SELECT 1 FROM passwords AS p WHERE p.member_id = i.member_id)
       OR EXISTS (SELECT 1 FROM passkeys AS k WHERE k.member_id = i.member_id) AS arrived
FROM invitations AS i
LEFT JOIN members AS m ON m.member_id = i.member_id
WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.expires_at > $2
  AND (i.member_id IS NULL OR m.removed_at IS NULL);

-- name: lock_owner_links
-- Let only one person at a time follow any of the owner's links.
-- Index: none; there is one a start until somebody is in.
SELECT token_hash FROM invitations
WHERE member_id IS NULL AND used_at IS NULL
ORDER BY token_hash
FOR UPDATE;

-- name: lock_member
-- Let only one person at a time follow any of a member's links.
--   $1 member_id uuid
-- Index: members_pkey.
SELECT member_id FROM members WHERE member_id = $1 FOR UPDATE;

-- name: take_invitation
-- Use up a link that is still good; no row when it is not.
--   $1 token_hash bytea, $2 now timestamptz
-- Index: invitations_pkey.
UPDATE invitations
SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING member_id;

-- name: end_owner_links
-- Whoever runs the service is in: its other links are good for nothing.
--   $1 now timestamptz
-- Index: none; there is one a start until somebody is in.
UPDATE invitations
SET used_at = $1
WHERE member_id IS NULL AND used_at IS NULL;

-- name: end_links_of_member
-- A member is in: their other links are good for nothing.
--   $1 member_id uuid, $2 now timestamptz
-- Index: none; there are a few a member.
UPDATE invitations
SET used_at = $2
WHERE member_id = $1 AND used_at IS NULL;

-- name: add_owner
-- The first of the newsroom; no row when the address is a member's who is in already.
--   $1 member_id uuid, $2 email text, $3 name text
INSERT INTO members (member_id, email, name, owner)
VALUES ($1, $2, $3, true)
ON CONFLICT (email) DO UPDATE
SET name = excluded.name, owner = true, removed_at = NULL
WHERE NOT EXISTS (SELECT 1 FROM passwords AS p WHERE p.member_id = members.member_id)
  AND NOT EXISTS (SELECT 1 FROM passkeys AS k WHERE k.member_id = members.member_id)
RETURNING member_id;

-- name: name_member
-- What a member is called.
--   $1 member_id uuid, $2 name text
-- Index: members_pkey.
UPDATE members SET name = $2 WHERE member_id = $1;

-- name: end_roles_elsewhere
-- A link of one site's admin gives nothing on other sites: whoever follows it proves nothing there.
--   $1 member_id uuid, $2 site_id integer
-- Index: memberships_pkey.
DELETE FROM memberships WHERE member_id = $1 AND site_id <> $2;
