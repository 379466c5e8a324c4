-- What screening saw: a row a text, a row a rule that spoke. Nothing of the text itself.

-- name: record_screening
-- What was made of a text; the first word stays.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer,
--   $5 at timestamptz, $6 ruling text, $7 rule text, $8 rule_version integer, $9 reason text,
--   $10 severity smallint, $11 risk real, $12 scores jsonb, $13 lang text, $14 tricks text[]
INSERT INTO screenings (site_id, article_id, comment_id, revision, at, ruling, rule, rule_version,
                        reason, severity, risk, scores, lang, tricks)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (site_id, article_id, comment_id, revision) DO NOTHING;

-- name: record_signal
-- What one rule said about a text; the first word stays.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid, $4 revision integer, $5 rule text,
--   $6 version integer, $7 shadow boolean, $8 effect text, $9 severity smallint, $10 score real,
--   $11 label text, $12 spans jsonb, $13 error text, $14 at timestamptz
INSERT INTO signals (site_id, article_id, comment_id, revision, rule, version, shadow, effect,
                     severity, score, label, spans, error, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (site_id, article_id, comment_id, revision, rule, version) DO NOTHING;

-- name: forget_screening
-- What was made of the texts of a comment that its author or the law took away.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: screenings_pkey, signals_pkey.
WITH gone AS (
    DELETE FROM signals WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
)
DELETE FROM screenings WHERE site_id = $1 AND article_id = $2 AND comment_id = $3;

-- name: latest_screenings
-- What was made of the latest text of each of several comments, with what rules said of it.
--   $1 site_id integer, $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: screenings_pkey, signals_pkey.
SELECT wanted.comment_id, s.at, s.ruling, s.rule, s.rule_version, s.reason, s.severity, s.risk,
       s.scores, s.lang, s.tricks, coalesce(spoke.signals, '[]'::jsonb) AS signals
FROM unnest($2::uuid[], $3::uuid[]) AS wanted (article_id, comment_id)
CROSS JOIN LATERAL (
    SELECT revision, at, ruling, rule, rule_version, reason, severity, risk, scores, lang, tricks
    FROM screenings
    WHERE site_id = $1 AND article_id = wanted.article_id AND comment_id = wanted.comment_id
    ORDER BY revision DESC LIMIT 1
) s
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'rule', rule, 'version', version, 'shadow', shadow, 'effect', effect,
        'severity', severity, 'score', score, 'label', label, 'spans', spans, 'error', error
    ) ORDER BY severity DESC, rule) AS signals
    FROM signals
    WHERE site_id = $1 AND article_id = wanted.article_id AND comment_id = wanted.comment_id
      AND revision = s.revision
) spoke;

-- name: signals_of
-- What rules said about each text of a comment, the latest text and the most severe rule first.
--   $1 site_id integer, $2 article_id uuid, $3 comment_id uuid
-- Index: signals_pkey.
SELECT revision, rule, version, shadow, effect, severity, score, label, spans, error, at
FROM signals
WHERE site_id = $1 AND article_id = $2 AND comment_id = $3
ORDER BY revision DESC, severity DESC, rule;

-- name: purge_screenings
-- What is too old to count, some at a time.
--   $1 before timestamptz, $2 limit integer
-- Index: screenings_by_time, signals_pkey.
WITH old AS (
    SELECT site_id, article_id, comment_id, revision FROM screenings
    WHERE at < $1 ORDER BY at LIMIT $2
), gone AS (
    DELETE FROM signals s USING old
    WHERE s.site_id = old.site_id AND s.article_id = old.article_id
      AND s.comment_id = old.comment_id AND s.revision = old.revision
)
DELETE FROM screenings s USING old
WHERE s.site_id = old.site_id AND s.article_id = old.article_id
  AND s.comment_id = old.comment_id AND s.revision = old.revision;
