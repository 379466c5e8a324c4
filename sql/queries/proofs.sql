-- With what the newsroom's people prove who they are.

-- name: member_to_prove
-- Whoever signs in under an address, with what they have to say.
--   $1 email text
-- Index: members_email_key; passwords_pkey; authenticators_pkey.
SELECT m.member_id, m.name, p.hash, a.member_id IS NOT NULL AS has_authenticator
FROM members AS m
LEFT JOIN passwords AS p ON p.member_id = m.member_id
LEFT JOIN authenticators AS a ON a.member_id = m.member_id AND a.confirmed_at IS NOT NULL
WHERE m.email = $1 AND m.removed_at IS NULL;

-- name: proofs_of_member
-- What a member can prove who they are with.
--   $1 member_id uuid
-- Index: passwords_pkey; authenticators_pkey; recovery_codes_pkey; passkeys_by_member.
SELECT (SELECT p.changed_at FROM passwords AS p WHERE p.member_id = $1) AS password_changed_at,
       (SELECT a.confirmed_at FROM authenticators AS a WHERE a.member_id = $1) AS confirmed_at,
       (
           SELECT count(*)::integer FROM recovery_codes AS c
           WHERE c.member_id = $1 AND c.used_at IS NULL
       ) AS recovery_codes,
       (SELECT count(*)::integer FROM passkeys AS k WHERE k.member_id = $1) AS passkeys;

-- name: password_of
-- The hash of a member's password.
--   $1 member_id uuid
-- Index: passwords_pkey.
SELECT hash FROM passwords WHERE member_id = $1;

-- name: set_password
-- A member's password from now on.
--   $1 member_id uuid, $2 hash text, $3 changed_at timestamptz
INSERT INTO passwords (member_id, hash, changed_at)
VALUES ($1, $2, $3)
ON CONFLICT (member_id) DO UPDATE
SET hash = excluded.hash, changed_at = excluded.changed_at;

-- name: rehash_password
-- The same password under today's parameters, unless it was changed meanwhile.
--   $1 member_id uuid, $2 old_hash text, $3 hash text
-- Index: passwords_pkey.
UPDATE passwords SET hash = $3 WHERE member_id = $1 AND hash = $2;

-- name: begin_authenticator
-- A secret that counts once a code of it was seen; no row when another one counts already.
--   $1 member_id uuid, $2 secret bytea, $3 created_at timestamptz
INSERT INTO authenticators (member_id, secret, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (member_id) DO UPDATE
SET secret = excluded.secret, created_at = excluded.created_at, last_step = 0
WHERE authenticators.confirmed_at IS NULL
RETURNING member_id;

-- name: authenticator_of
-- A member's authenticator, also one that does not count yet.
--   $1 member_id uuid
-- Index: authenticators_pkey.
SELECT secret, created_at, confirmed_at FROM authenticators WHERE member_id = $1;

-- name: confirm_authenticator
-- A code was seen: from now on the secret counts; no row when it did before, or is another.
--   $1 member_id uuid, $2 secret bytea, $3 step bigint, $4 now timestamptz
-- Index: authenticators_pkey.
UPDATE authenticators
SET confirmed_at = $4, last_step = $3
WHERE member_id = $1 AND secret = $2 AND confirmed_at IS NULL
RETURNING member_id;

-- name: use_step
-- Use up the code of a step; no row when it, or a later one, was used.
--   $1 member_id uuid, $2 step bigint
-- Index: authenticators_pkey.
UPDATE authenticators
SET last_step = $2
WHERE member_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL
RETURNING member_id;

-- name: remove_authenticator
-- A member uses none any more.
--   $1 member_id uuid
-- Index: authenticators_pkey.
DELETE FROM authenticators WHERE member_id = $1 RETURNING member_id;

-- name: remove_recovery_codes
-- None of a member's codes is good any more.
--   $1 member_id uuid
-- Index: recovery_codes_pkey.
DELETE FROM recovery_codes WHERE member_id = $1;

-- name: add_recovery_codes
-- Codes that let a member in once each without their authenticator.
--   $1 member_id uuid, $2 hashes bytea[]
INSERT INTO recovery_codes (member_id, code_hash)
SELECT $1, h.code_hash FROM unnest($2::bytea[]) AS h (code_hash);

-- name: use_recovery_code
-- Use up a code under any of its hashes; no row when none of them is good.
--   $1 member_id uuid, $2 hashes bytea[], $3 now timestamptz
-- Index: recovery_codes_pkey.
UPDATE recovery_codes
SET used_at = $3
WHERE member_id = $1 AND code_hash = ANY ($2::bytea[]) AND used_at IS NULL
RETURNING member_id;

-- name: add_passkey
-- A member's new passkey; no row when the credential is known already.
--   $1 passkey_id uuid, $2 credential_id bytea, $3 member_id uuid, $4 public_key bytea,
--   $5 sign_count bigint, $6 synced boolean, $7 name text, $8 created_at timestamptz
INSERT INTO passkeys
    (passkey_id, credential_id, member_id, public_key, sign_count, synced, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (credential_id) DO NOTHING
RETURNING passkey_id;

-- name: find_passkey
-- A passkey that somebody presents.
--   $1 credential_id bytea
-- Index: passkeys_credential_id_key.
SELECT k.passkey_id, k.credential_id, k.member_id, k.public_key, k.sign_count, k.synced, k.name,
       k.created_at, k.last_used_at
FROM passkeys AS k
JOIN members AS m ON m.member_id = k.member_id
WHERE k.credential_id = $1 AND m.removed_at IS NULL;

-- name: use_passkey
-- Note a passkey's use; no row when its counter went on meanwhile: then it was copied or replayed.
--   $1 passkey_id uuid, $2 old_count bigint, $3 sign_count bigint, $4 now timestamptz
-- Index: passkeys_pkey.
UPDATE passkeys
SET sign_count = $3, last_used_at = $4
WHERE passkey_id = $1 AND sign_count = $2
RETURNING passkey_id;

-- name: passkeys_of_member
-- A member's passkeys, oldest first.
--   $1 member_id uuid
-- Index: passkeys_by_member.
SELECT passkey_id, credential_id, member_id, public_key, sign_count, synced, name, created_at,
       last_used_at
FROM passkeys
WHERE member_id = $1
ORDER BY created_at, passkey_id;

-- name: remove_passkey
-- One of a member's passkeys is not good any more.
--   $1 member_id uuid, $2 passkey_id uuid
-- Index: passkeys_pkey.
DELETE FROM passkeys WHERE member_id = $1 AND passkey_id = $2 RETURNING passkey_id;

-- name: remove_password
-- A member has no password any more.
--   $1 member_id uuid
-- Index: passwords_pkey.
DELETE FROM passwords WHERE member_id = $1;

-- name: remove_passkeys
-- None of a member's passkeys is good any more.
--   $1 member_id uuid
-- Index: passkeys_by_member.
DELETE FROM passkeys WHERE member_id = $1;
