-- Authors' records with one site.

-- name: standings
-- Records of several authors, each with the oldest warning that waits for them; an author the site
-- never met has none. Of what another site knows by one of these ids only a ban that holds here, too.
--   $1 site_id integer, $2 author_ids uuid[]
-- Index: readers_pkey, reader_warnings_pkey; readers_banned_elsewhere.
SELECT r.author_id, r.approved, r.rejected, r.first_seen, r.banned_until, r.ban_reason,
       r.ban_sites, r.trusted, r.always_hold, r.generation,
       (SELECT w.text FROM reader_warnings w
        WHERE w.site_id = r.site_id AND w.author_id = r.author_id AND w.acknowledged_at IS NULL
        ORDER BY w.warning_id LIMIT 1) AS warning
FROM readers r
WHERE r.site_id = $1 AND r.author_id = ANY($2)
UNION ALL
SELECT r.author_id, 0, 0, NULL, r.banned_until, r.ban_reason, NULL, false, false, 0, NULL
FROM readers r
WHERE r.ban_sites IS NOT NULL AND r.author_id = ANY($2) AND $1 = ANY(r.ban_sites)
  AND r.site_id <> $1;

-- name: reaching
-- Sites whose bans reach another.
--   $1 site_id integer
-- Index: readers_banned_elsewhere.
SELECT DISTINCT site_id
FROM readers
WHERE ban_sites IS NOT NULL AND $1 = ANY(ban_sites)
ORDER BY site_id;

-- name: ban
-- Keep an author from writing until a time; null lets them write again.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 until timestamptz, $5 reason text,
--   $6 sites integer[] (others, on which it holds too; null: here alone)
INSERT INTO readers (site_id, author_id, kind, banned_until, ban_reason, ban_sites)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, author_id) DO UPDATE SET
    banned_until = excluded.banned_until, ban_reason = excluded.ban_reason,
    ban_sites = excluded.ban_sites;

-- name: trust
-- Say whether an author is trusted.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 trusted boolean
INSERT INTO readers (site_id, author_id, kind, trusted)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, author_id) DO UPDATE SET trusted = excluded.trusted;

-- name: hold
-- Say whether everything an author writes waits for a look.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 always_hold boolean
INSERT INTO readers (site_id, author_id, kind, always_hold)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id, author_id) DO UPDATE SET always_hold = excluded.always_hold;

-- name: void_receipts
-- Raise a guest's generation: receipts given so far are void, also for a guest never met.
--   $1 site_id integer, $2 author_id uuid
INSERT INTO readers (site_id, author_id, kind, generation)
VALUES ($1, $2, 'guest', 1)
ON CONFLICT (site_id, author_id) DO UPDATE SET generation = readers.generation + 1;
