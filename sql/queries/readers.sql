-- Authors' records with one site.

-- name: standings
-- Records of several authors, each with the oldest warning that waits for them; an author the site
-- never met has none.
--   $1 site_id integer, $2 author_ids uuid[]
-- Index: readers_pkey, reader_warnings_pkey.
SELECT r.author_id, r.approved, r.rejected, r.first_seen, r.banned_until, r.ban_reason, r.trusted,
       r.always_hold, r.generation,
       (SELECT w.text FROM reader_warnings w
        WHERE w.site_id = r.site_id AND w.author_id = r.author_id AND w.acknowledged_at IS NULL
        ORDER BY w.warning_id LIMIT 1) AS warning
FROM readers r
WHERE r.site_id = $1 AND r.author_id = ANY($2);

-- name: ban
-- Keep an author from writing until a time; null lets them write again.
--   $1 site_id integer, $2 author_id uuid, $3 kind text, $4 until timestamptz, $5 reason text
INSERT INTO readers (site_id, author_id, kind, banned_until, ban_reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (site_id, author_id) DO UPDATE SET
    banned_until = excluded.banned_until, ban_reason = excluded.ban_reason;

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
