-- The log of decisions and administrative acts, sealed entry by entry, and asked.

-- name: wait_for_turn
-- Let one seal at a time, until its transaction ends.
--   $1 key bigint
-- Index: none.
SELECT pg_advisory_xact_lock($1);

-- name: take_unsealed
-- The oldest that is not sealed yet; it is off the list when the transaction commits.
--   $1 limit integer
-- Index: audit_unsealed_in_order.
DELETE FROM audit_unsealed
WHERE written_id IN (
    SELECT written_id FROM audit_unsealed ORDER BY written_id LIMIT $1
)
RETURNING site_id, article_id, comment_id, n, entry_id, written_id;

-- name: written_decisions
-- Decisions as they were written.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 ns integer[]
--   (side by side)
-- Index: decisions_pkey.
SELECT d.site_id, d.article_id, d.comment_id, d.n, d.decision_id, d.at, d.actor_kind, d.actor_id,
       d.action, d.reason, d.revision, d.kind, d.status, d.note, d.rule_version, d.reverses,
       d.duplicate_of, encode(d.content_hash, 'hex') AS content_hash, d.request_id,
       d.lang, d.risk, d.rules
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[])
    AS wanted (site_id, article_id, comment_id, n)
JOIN decisions d ON d.site_id = wanted.site_id AND d.article_id = wanted.article_id
    AND d.comment_id = wanted.comment_id AND d.n = wanted.n;

-- name: written_acts
-- Administrative acts as they were written; those of no site are of 0.
--   $1 entry_ids uuid[]
-- Index: administrative_acts_pkey.
SELECT coalesce(site_id, 0) AS site_id, entry_id, at, actor_kind, actor_id, act, member_id,
       details, request_id
FROM administrative_acts
WHERE entry_id = ANY($1::uuid[]);

-- name: heads
-- Where chains end.
--   $1 site_ids integer[]
-- Index: audit_entries_pkey.
SELECT wanted.site_id, head.position, head.hash
FROM unnest($1::integer[]) AS wanted (site_id)
CROSS JOIN LATERAL (
    SELECT position, hash FROM audit_entries
    WHERE site_id = wanted.site_id
    ORDER BY position DESC LIMIT 1
) head;

-- name: seal
-- More links of chains.
--   $1 site_ids integer[], $2 positions bigint[], $3 kinds text[], $4 article_ids uuid[],
--   $5 comment_ids uuid[], $6 ns integer[], $7 entry_ids uuid[], $8 ats timestamptz[],
--   $9 actor_kinds text[], $10 actor_ids text[], $11 acts text[], $12 reasons text[],
--   $13 hashes bytea[] (side by side)
INSERT INTO audit_entries (site_id, position, kind, article_id, comment_id, n, entry_id, at,
                           actor_kind, actor_id, act, reason, hash)
SELECT site_id, position, kind, article_id, comment_id, n, entry_id, at, actor_kind, actor_id, act,
       reason, hash
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::uuid[], $5::uuid[], $6::integer[],
            $7::uuid[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[],
            $13::bytea[])
    AS new (site_id, position, kind, article_id, comment_id, n, entry_id, at, actor_kind, actor_id,
            act, reason, hash);

-- name: links
-- A stretch of a chain, in order.
--   $1 site_id integer, $2 after bigint, $3 limit integer
-- Index: audit_entries_pkey.
SELECT site_id, position, kind, article_id, comment_id, n, entry_id, at, actor_kind, actor_id, act,
       reason, hash
FROM audit_entries
WHERE site_id = $1 AND position > $2
ORDER BY position
LIMIT $3;

-- name: hash_at
-- The hash of one link.
--   $1 site_id integer, $2 position bigint
-- Index: audit_entries_pkey.
SELECT hash FROM audit_entries WHERE site_id = $1 AND position = $2;

-- name: waiting
-- How much of a site is not sealed yet.
--   $1 site_id integer
-- Index: none: it holds what was written within the last second.
SELECT count(*) FROM audit_unsealed WHERE site_id = $1;

-- name: unlisted_decision
-- A decision that is in no chain and does not wait for one.
--   $1 site_id integer
-- Index: audit_entries_by_comment, decisions_pkey.
SELECT d.decision_id, d.comment_id
FROM decisions d
WHERE d.site_id = $1
  AND NOT EXISTS (
      SELECT FROM audit_entries e
      WHERE e.site_id = d.site_id AND e.comment_id = d.comment_id AND e.n = d.n
        AND e.entry_id = d.decision_id)
  AND NOT EXISTS (
      SELECT FROM audit_unsealed u
      WHERE u.site_id = d.site_id AND u.comment_id = d.comment_id AND u.n = d.n)
LIMIT 1;

-- name: unlisted_act
-- An administrative act that is in no chain and does not wait for one; 0 is of the whole service.
--   $1 site_id integer
-- Index: audit_entries_by_entry, administrative_acts_by_site.
SELECT a.entry_id
FROM administrative_acts a
WHERE (a.site_id = $1 OR ($1 = 0 AND a.site_id IS NULL))
  AND NOT EXISTS (
      SELECT FROM audit_entries e
      WHERE e.site_id = $1 AND e.kind = 'act' AND e.entry_id = a.entry_id)
  AND NOT EXISTS (
      SELECT FROM audit_unsealed u WHERE u.site_id = $1 AND u.entry_id = a.entry_id)
LIMIT 1;

-- name: positions_of_author
-- Where an author's comments were decided, and what was done about them, the latest first.
--   $1 site_id integer, $2 author_id uuid, $3 before bigint, $4 limit integer
-- Index: decision_subjects_by_author, audit_entries_by_comment; reader_acts_pkey,
-- audit_entries_by_entry.
SELECT position
FROM (
    SELECT e.position FROM decision_subjects s
    JOIN audit_entries e ON e.site_id = s.site_id AND e.comment_id = s.comment_id
    WHERE s.site_id = $1 AND s.author_id = $2
    UNION ALL
    SELECT e.position FROM reader_acts r
    JOIN audit_entries e ON e.site_id = r.site_id AND e.entry_id = r.entry_id AND e.kind = 'act'
    WHERE r.site_id = $1 AND r.author_id = $2
) own
WHERE position < $3
ORDER BY position DESC
LIMIT $4;

-- name: page
-- A page of the log, latest first. A filter that is null leaves nothing out.
--   $1 site_id integer, $2 before bigint, $3 limit integer, $4 kind text,
--   $5 everything boolean (also what was done to the team, keys and the site),
--   $6 acts text[], $7 actor_kind text, $8 actor_ids text[], $9 reason text, $10 comment_id uuid,
--   $11 positions bigint[], $12 since timestamptz, $13 until timestamptz
-- Index: audit_entries_pkey and its others, by the filters; decisions_pkey, reader_acts_by_entry.
WITH chosen AS MATERIALIZED (
    SELECT site_id, position, kind, article_id, comment_id, n, entry_id, at, actor_kind, actor_id,
           act, reason, hash
    FROM audit_entries
    WHERE site_id = $1 AND position < $2
      AND ($4::text IS NULL OR kind = $4::text)
      AND ($5::boolean OR kind = 'decision' OR act LIKE ANY('{reader.%,comment.%,cluster.%}'))
      AND ($6::text[] IS NULL OR act = ANY($6::text[]))
      AND ($7::text IS NULL OR actor_kind = $7::text)
      AND ($8::text[] IS NULL OR actor_id = ANY($8::text[]))
      AND ($9::text IS NULL OR reason = $9::text)
      AND ($10::uuid IS NULL OR comment_id = $10::uuid)
      AND ($11::bigint[] IS NULL OR position = ANY($11::bigint[]))
      AND ($12::timestamptz IS NULL OR at >= $12::timestamptz)
      AND ($13::timestamptz IS NULL OR at < $13::timestamptz)
    ORDER BY position DESC
    LIMIT $3
)
SELECT c.site_id, c.position, c.kind, c.article_id, c.comment_id, c.n, c.entry_id, c.at,
       c.actor_kind, c.actor_id, c.act, c.reason, c.hash,
       d.revision, d.status, d.note, d.rule_version, d.reverses, d.kind AS judged,
       former.status AS status_before,
       d.n IS NOT NULL AND NOT EXISTS (
           SELECT FROM decisions later
           WHERE later.site_id = c.site_id AND later.article_id = c.article_id
             AND later.comment_id = c.comment_id AND later.n > c.n) AS latest,
       coalesce(s.author_id, r.author_id) AS author_id,
       a.member_id, coalesce(a.details, '{}') AS details,
       coalesce(d.request_id, a.request_id) AS request_id
FROM chosen c
LEFT JOIN decisions d ON d.site_id = c.site_id AND d.article_id = c.article_id
    AND d.comment_id = c.comment_id AND d.n = c.n
LEFT JOIN decisions former ON former.site_id = c.site_id AND former.article_id = c.article_id
    AND former.comment_id = c.comment_id AND former.n = c.n - 1
LEFT JOIN decision_subjects s ON s.site_id = c.site_id AND s.article_id = c.article_id
    AND s.comment_id = c.comment_id
LEFT JOIN administrative_acts a ON c.kind = 'act' AND a.entry_id = c.entry_id
LEFT JOIN reader_acts r ON c.kind = 'act' AND r.site_id = c.site_id AND r.entry_id = c.entry_id
ORDER BY c.position DESC;

-- name: actors_called
-- Ids of members and keys of a site by what they are called.
--   $1 site_id integer, $2 name text (lower case)
-- Index: memberships_by_site, api_keys_by_site.
SELECT m.member_id::text AS actor_id
FROM members m
WHERE (lower(m.name) = $2::text OR m.email = $2::text)
  AND (m.owner OR EXISTS (
      SELECT FROM memberships s WHERE s.site_id = $1 AND s.member_id = m.member_id))
UNION
SELECT key_id FROM api_keys
WHERE site_id = $1 AND (lower(name) = $2::text OR lower(key_id) = $2::text);
