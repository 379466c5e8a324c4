-- Authors' records with one site.

-- name: standings
-- Records of several authors; an author the site never met has none.
--   $1 site_id integer, $2 author_ids uuid[]
-- Index: readers_pkey.
SELECT author_id, approved, rejected, first_seen, banned_until, trusted, generation
FROM readers
WHERE site_id = $1 AND author_id = ANY($2);

-- name: ban
-- Keep an author from writing until a time; null lets them write again.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 until timestamptz
INSERT INTO readers (site_id, author_id, kind, banned_until)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, author_id) DO UPDATE SET banned_until = excluded.banned_until
RETURNING author_id, approved, rejected, first_seen, banned_until, trusted, generation;

-- name: trust
-- Say whether an author is trusted.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 trusted boolean
INSERT INTO readers (site_id, author_id, kind, trusted)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, author_id) DO UPDATE SET trusted = excluded.trusted
RETURNING author_id, approved, rejected, first_seen, banned_until, trusted, generation;

-- name: void_receipts
-- Raise a guest's generation: receipts given so far are void, also for a guest never met.
--   $1 site_id integer, $2 author_id uuid
INSERT INTO readers (site_id, author_id, kind, generation)
VALUES ($1, $2, 'guest', 1)
ON CONFLICT (site_id, author_id) DO UPDATE SET generation = readers.generation + 1
RETURNING author_id, approved, rejected, first_seen, banned_until, trusted, generation;
