-- The intake journal behind Redis: what waits, what it was asked under, how far it is known.

-- name: waiting
-- What waits on a site, in the order it came; from a sequence number on. What an undone decision
-- has put back has none (0) until Redis gives it one.
--   $1 site_id integer, $2 after seq bigint, $3 after comment_id uuid, $4 limit integer
-- Index: intake_journal_waiting.
SELECT comment_id, n, seq, payload
FROM intake_journal
WHERE site_id = $1 AND state = 'waiting' AND seq >= $2 AND (seq, comment_id) > ($2, $3)
ORDER BY seq, comment_id
LIMIT $4;

-- name: outlines
-- The same without the texts, as far as it was journaled before a time.
--   $1 site_id integer, $2 after seq bigint, $3 after comment_id uuid, $4 before timestamptz,
--   $5 limit integer
-- Index: intake_journal_waiting.
SELECT article_id, comment_id, revision, n, seq
FROM intake_journal
WHERE site_id = $1 AND state = 'waiting' AND seq >= $2 AND (seq, comment_id) > ($2, $3)
  AND journaled_at <= $4
ORDER BY seq, comment_id
LIMIT $5;

-- name: read
-- Some of what waits on a site, with its texts.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: intake_journal_pkey.
SELECT j.comment_id, j.n, j.seq, j.payload
FROM unnest($2::uuid[], $3::uuid[]) AS wanted (article_id, comment_id)
JOIN intake_journal j ON j.site_id = $1 AND j.article_id = wanted.article_id
    AND j.comment_id = wanted.comment_id
WHERE j.state = 'waiting';

-- name: settle
-- A text that waits here although the log has closed its comment: its author, or the law, took it
-- away while it was being copied. Unless it has changed since it was read.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 n integer
-- Index: intake_journal_pkey.
UPDATE intake_journal SET state = 'decided', payload = NULL, journaled_at = now()
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3 AND state = 'waiting'
  AND revision = $4 AND n = $5;

-- name: earlier
-- What an idempotency key stands for.
--   $1 site_id integer, $2 article_id uuid, $3 dk bytea
-- Index: submissions_pkey.
SELECT dk, comment_id, fingerprint, author_id, status, at
FROM submissions
WHERE site_id = $1 AND article_id = $2 AND dk = $3;

-- name: revise
-- A newer text of what waits, before Redis has it; no row where this revision is taken.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 n integer,
--   $6 kind text, $7 seq bigint, $8 payload jsonb, $9 dk bytea, $10 fingerprint bytea,
--   $11 created_at timestamptz
INSERT INTO intake_journal AS j
    (site_id, article_id, comment_id, revision, n, kind, seq, state, payload, dk, fingerprint,
     created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10, $11)
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    revision = excluded.revision, n = excluded.n, kind = excluded.kind,
    seq = greatest(j.seq, excluded.seq), state = 'waiting', payload = excluded.payload,
    journaled_at = now()
WHERE j.revision < excluded.revision
RETURNING true;

-- name: leave
-- A comment that was written here first, and that Redis did not take.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: intake_journal_pkey, submissions_pkey, comment_places_pkey.
WITH left_out AS (
    DELETE FROM intake_journal
    WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
      AND state = 'waiting' AND revision = 1 AND n = 0 AND seq = 0
    RETURNING dk
), unclaimed AS (
    DELETE FROM submissions
    USING left_out
    WHERE site_id = $1 AND article_id = $2 AND submissions.dk = left_out.dk AND comment_id = $3
)
DELETE FROM comment_places
USING left_out
WHERE site_id = $1 AND comment_id = $3;

-- name: highest_seq
-- The highest sequence number the journal knows of on a site, or knew of. Asked only after a loss.
--   $1 site_id integer, $2 upto bigint (null: no bound)
-- Index: intake_journal_pkey, all rows of the site.
SELECT greatest(
    (SELECT max(seq) FROM intake_journal WHERE site_id = $1 AND ($2::bigint IS NULL OR seq <= $2)),
    (SELECT least(journaled, $2) FROM watermarks WHERE site_id = $1),
    0);

-- name: submissions
-- Idempotency records of a site that are still remembered.
--   $1 site_id integer, $2 since timestamptz, $3 after_dk bytea, $4 limit integer
-- Index: submissions_pkey.
SELECT dk, comment_id, fingerprint, author_id, status, at
FROM submissions
WHERE site_id = $1 AND at >= $2 AND dk > $3
ORDER BY dk
LIMIT $4;

-- name: decided_lately
-- What texts without a key became that were sent and decided a moment ago.
--   $1 site_id integer, $2 since timestamptz
-- Index: intake_journal_decided.
SELECT j.dk, j.comment_id, j.fingerprint, s.author_id, 202::smallint AS status, j.created_at AS at
FROM intake_journal j
JOIN decision_subjects s ON s.site_id = j.site_id AND s.article_id = j.article_id
    AND s.comment_id = j.comment_id
WHERE j.site_id = $1 AND j.state = 'decided' AND j.journaled_at >= $2 AND j.created_at >= $2
  AND j.dk IS NOT NULL AND j.fingerprint IS NOT NULL
  AND NOT EXISTS (SELECT FROM submissions k WHERE k.site_id = j.site_id
                  AND k.article_id = j.article_id AND k.dk = j.dk);

-- name: watermark
-- The epoch and the sequence number that a site's Redis must not be behind.
--   $1 site_id integer
-- Index: watermarks_pkey.
SELECT epoch, seq FROM watermarks WHERE site_id = $1;

-- name: raise_watermark
-- A higher sequence number, or a new epoch with one; what has become of numbers up to another one
-- is known.
--   $1 site_id integer, $2 epoch text, $3 seq bigint, $4 settled bigint
INSERT INTO watermarks AS w (site_id, epoch, seq, journaled)
VALUES ($1, $2, $3, $4)
ON CONFLICT (site_id) DO UPDATE SET
    epoch = excluded.epoch, seq = greatest(w.seq, excluded.seq),
    journaled = greatest(w.journaled, excluded.journaled), at = now()
WHERE w.epoch <> excluded.epoch OR w.seq < excluded.seq OR w.journaled < excluded.journaled;

-- name: note_acknowledged
-- A higher sequence number, whatever the epoch.
--   $1 site_id integer, $2 seq bigint
INSERT INTO watermarks AS w (site_id, epoch, seq)
VALUES ($1, '', $2)
ON CONFLICT (site_id) DO UPDATE SET seq = excluded.seq, at = now()
WHERE w.seq < excluded.seq;

-- name: purge_kept
-- Texts whose time is over.
--   $1 now timestamptz
-- Index: kept_texts_expiring.
DELETE FROM kept_texts WHERE expires_at <= $1;

-- name: purge_submissions
-- Idempotency records that are too old to matter.
--   $1 before timestamptz
-- Index: submissions_by_age.
DELETE FROM submissions WHERE at < $1;

-- name: purge_decided
-- Journal rows of what was decided long ago; how far they went is kept.
--   $1 before timestamptz
-- Index: intake_journal_decided, watermarks_pkey.
WITH gone AS (
    DELETE FROM intake_journal WHERE state = 'decided' AND journaled_at < $1
    RETURNING site_id, seq
), furthest AS (
    SELECT site_id, max(seq) AS seq FROM gone GROUP BY site_id
)
UPDATE watermarks w SET journaled = furthest.seq
FROM furthest
WHERE w.site_id = furthest.site_id AND w.journaled < furthest.seq;
