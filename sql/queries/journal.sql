-- The intake journal behind Redis: what waits, what it was asked under, how far it is known.

-- part: texts
-- What is kept beside comments, out of the JSON that service/payload.py writes of them.
--   $1 payloads jsonb (a list)
SELECT (payload ->> 'site_id')::integer AS site_id, (payload ->> 'article_id')::uuid AS article_id,
       (payload ->> 'comment_id')::uuid AS comment_id, (payload ->> 'revision')::integer AS revision,
       (payload ->> 'n')::integer AS n, payload ->> 'kind' AS kind,
       (payload ->> 'seq')::bigint AS seq, decode(payload ->> 'dk', 'hex') AS dk,
       decode(payload ->> 'fingerprint', 'hex') AS fingerprint,
       (payload ->> 'created_at')::timestamptz AS created_at,
       nullif(payload -> 'screened', 'null') AS screened, payload
FROM jsonb_array_elements($1::jsonb) AS told (payload)
ORDER BY site_id, article_id, comment_id;

-- part: columns
-- Of those.
site_id, article_id, comment_id, revision, n, kind, seq, dk, fingerprint, created_at, screened,
    payload;

-- part: enter_texts
-- Without the condition under which they win over what is there.
INSERT INTO intake_journal AS j
    (site_id, article_id, comment_id, revision, n, kind, seq, state, payload, dk, fingerprint,
     created_at)
SELECT site_id, article_id, comment_id, revision, n, kind, seq, 'waiting', payload, dk,
       fingerprint, created_at
FROM waiting
ON CONFLICT (site_id, article_id, comment_id) DO UPDATE SET
    revision = excluded.revision, n = excluded.n, kind = excluded.kind,
    seq = greatest(j.seq, excluded.seq), state = 'waiting', payload = excluded.payload,
    journaled_at = now();

-- part: if_later
-- A later text or a later decision wins, what was decided meanwhile stays decided.
WHERE excluded.n > j.n OR excluded.revision > j.revision
   OR (excluded.n = j.n AND excluded.revision = j.revision);

-- part: enter_submissions
-- The first one stays.
INSERT INTO submissions (site_id, article_id, dk, comment_id, fingerprint, author_id, status)
SELECT site_id, article_id, dk, comment_id, fingerprint, (payload #>> '{author,id}')::uuid, 202
FROM texts
WHERE (payload ->> 'keyed')::boolean AND dk IS NOT NULL AND fingerprint IS NOT NULL
ON CONFLICT (site_id, article_id, dk) DO NOTHING;

-- part: enter_screenings
-- The first word stays.
INSERT INTO screenings (site_id, article_id, comment_id, revision, at, ruling, rule,
                        rule_version, reason, severity, risk, scores, lang, tricks)
SELECT site_id, article_id, comment_id, revision, at, ruling, rule, rule_version, reason,
       severity, risk, scores, lang, tricks
FROM texts CROSS JOIN LATERAL jsonb_to_record(screened) AS seen (
    at timestamptz, ruling text, rule text, rule_version integer, reason text,
    severity smallint, risk real, scores jsonb, lang text, tricks text[])
WHERE screened IS NOT NULL
ON CONFLICT (site_id, article_id, comment_id, revision) DO NOTHING;

-- part: enter_signals
-- What rules said; the first word stays.
INSERT INTO signals (site_id, article_id, comment_id, revision, rule, version, shadow, effect,
                     severity, score, label, spans, error, at)
SELECT site_id, article_id, comment_id, revision, rule, version, shadow,
       coalesce(effect, 'hold'), coalesce(severity, 0), score, label, spans, error,
       (screened ->> 'at')::timestamptz
FROM texts
CROSS JOIN LATERAL (
    VALUES (payload -> 'why', false), (screened -> 'shadow', true)
) AS heard (whys, shadow)
CROSS JOIN LATERAL jsonb_to_recordset(whys) AS spoke (
    rule text, version integer, label text, spans jsonb, score real, effect text,
    severity smallint, error text)
WHERE screened IS NOT NULL
ON CONFLICT (site_id, article_id, comment_id, revision, rule, version) DO NOTHING;

-- part: enter_alerts
-- Once a comment and rule.
INSERT INTO alerts (site_id, article_id, comment_id, rule, label, severity, role, at)
SELECT site_id, article_id, comment_id, alert ->> 'rule', alert ->> 'label',
       (alert ->> 'severity')::smallint, alert ->> 'role', (screened ->> 'at')::timestamptz
FROM texts CROSS JOIN LATERAL (SELECT nullif(screened -> 'alert', 'null')) AS told (alert)
WHERE alert IS NOT NULL
ON CONFLICT (site_id, article_id, comment_id, rule) DO NOTHING;

-- name: wait
-- What waits; a later text or a later decision wins, what was decided meanwhile stays decided.
--   $1 payloads jsonb (a list of comments as service/payload.py writes them)
-- Index: intake_journal_pkey.
WITH waiting AS ({texts})
{enter_texts}
{if_later};

-- name: revise
-- A newer text of what waits, before Redis has it; no row where this revision is taken.
--   $1 payloads jsonb (as of `wait`)
-- Index: intake_journal_pkey.
WITH waiting AS ({texts})
{enter_texts}
WHERE j.revision < excluded.revision
RETURNING true;

-- name: copy
-- What waits as Redis holds it, with all that is kept beside it, and with what somebody wants to be
-- told: alerts of rules, and that comments wait, or were edited, which the journal did not know of.
-- It is written in the order in which decisions write it, so that neither waits for the other:
-- where comments are, then what waits, then the rest.
--   $1 payloads jsonb (as of `wait`), $2 wait interval
-- Index: webhooks_pkey; intake_journal_pkey.
WITH told AS MATERIALIZED ({texts}), placed AS (
    INSERT INTO comment_places (site_id, comment_id, article_id)
    SELECT site_id, comment_id, article_id FROM told ORDER BY site_id, comment_id
    ON CONFLICT (site_id, comment_id) DO NOTHING
    RETURNING comment_id
), waiting AS (
    SELECT {columns}
    FROM told WHERE (SELECT count(*) FROM placed) >= 0
), known AS MATERIALIZED (
    SELECT told.site_id, told.comment_id, j.revision
    FROM told
    LEFT JOIN intake_journal j ON j.site_id = told.site_id AND j.article_id = told.article_id
        AND j.comment_id = told.comment_id
    WHERE EXISTS (SELECT FROM webhooks WHERE site_id = told.site_id AND state = 'active')
), copied AS (
    {enter_texts}
    {if_later}
    RETURNING j.site_id, j.article_id, j.comment_id, j.revision, j.kind, j.payload
), texts AS (
    SELECT {columns}
    FROM told WHERE (SELECT count(*) FROM copied) >= 0
), submitted AS (
    {enter_submissions}
), seen AS (
    {enter_screenings}
), heard AS (
    {enter_signals}
), alerted AS (
    {enter_alerts}
)
INSERT INTO webhook_events (site_id, kind, article_id, comment_id, facts, at, ripe_at)
SELECT copied.site_id,
       CASE WHEN known.revision IS NULL OR copied.kind = 'edit' THEN 'comment.pending'
            ELSE 'comment.edited' END,
       copied.article_id, copied.comment_id,
       jsonb_build_object('article', copied.payload ->> 'article_key',
                          'revision', copied.revision, 'edit', copied.kind = 'edit'),
       at, greatest(at, now()) + $2
FROM copied
JOIN known ON known.site_id = copied.site_id AND known.comment_id = copied.comment_id
CROSS JOIN LATERAL (
    SELECT coalesce(copied.payload ->> 'edited_at', copied.payload ->> 'created_at')::timestamptz
) AS sent (at)
WHERE known.revision IS NULL OR known.revision < copied.revision;

-- name: submit
-- What idempotency keys stand for; the first one stays.
--   $1 payloads jsonb (as of `wait`)
-- Index: submissions_pkey.
WITH texts AS ({texts})
{enter_submissions};

-- name: remember
-- What texts were submitted as, and what screening saw of them; the first word stays.
--   $1 payloads jsonb (as of `wait`)
-- Index: submissions_pkey; screenings_pkey; signals_pkey.
WITH texts AS MATERIALIZED ({texts}), submitted AS (
    {enter_submissions}
), seen AS (
    {enter_screenings}
)
{enter_signals};

-- name: alert
-- Of which comments a rule wants somebody told; once a comment and rule.
--   $1 payloads jsonb (as of `wait`)
-- Index: alerts_pkey.
WITH texts AS ({texts})
{enter_alerts};

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

-- name: leave
-- A comment that was written here first, and that Redis did not take; nobody is told of it.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: intake_journal_pkey, submissions_pkey, comment_places_pkey, webhook_events_waiting.
WITH left_out AS (
    DELETE FROM intake_journal
    WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
      AND state = 'waiting' AND revision = 1 AND n = 0 AND seq = 0
    RETURNING dk
), unclaimed AS (
    DELETE FROM submissions
    USING left_out
    WHERE site_id = $1 AND article_id = $2 AND submissions.dk = left_out.dk AND comment_id = $3
), untold AS (
    DELETE FROM webhook_events
    USING left_out
    WHERE state = 'waiting' AND site_id = $1 AND comment_id = $3
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
