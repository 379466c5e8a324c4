-- What screening saw: a row a text, a row a rule that spoke. Nothing of the text itself.

-- name: record_screening
-- What was made of texts; the first word stays. Rows come in the order of the key.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 revisions integer[],
--   $5 ats timestamptz[], $6 rulings text[], $7 rules text[], $8 rule_versions integer[],
--   $9 reasons text[], $10 severities smallint[], $11 risks real[], $12 scores jsonb[],
--   $13 langs text[], $14 tricks text[] (each a list in JSON) (side by side)
INSERT INTO screenings (site_id, article_id, comment_id, revision, at, ruling, rule, rule_version,
                        reason, severity, risk, scores, lang, tricks)
SELECT site_id, article_id, comment_id, revision, at, ruling, rule, rule_version, reason, severity,
       risk, scores, lang, ARRAY(SELECT jsonb_array_elements_text(tricks::jsonb))
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::text[],
            $7::text[], $8::integer[], $9::text[], $10::smallint[], $11::real[], $12::jsonb[],
            $13::text[], $14::text[])
    AS new (site_id, article_id, comment_id, revision, at, ruling, rule, rule_version, reason,
            severity, risk, scores, lang, tricks)
ON CONFLICT (site_id, article_id, comment_id, revision) DO NOTHING;

-- name: record_signal
-- What rules said about texts; the first word stays. Rows come in the order of the key.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 revisions integer[],
--   $5 rules text[], $6 versions integer[], $7 shadows boolean[], $8 effects text[],
--   $9 severities smallint[], $10 scores real[], $11 labels text[],
--   $12 spans text[] (each a list in JSON), $13 errors text[], $14 ats timestamptz[] (side by side)
INSERT INTO signals (site_id, article_id, comment_id, revision, rule, version, shadow, effect,
                     severity, score, label, spans, error, at)
SELECT site_id, article_id, comment_id, revision, rule, version, shadow, effect, severity, score,
       label, spans::jsonb, error, at
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::integer[],
            $7::boolean[], $8::text[], $9::smallint[], $10::real[], $11::text[], $12::text[],
            $13::text[], $14::timestamptz[])
    AS new (site_id, article_id, comment_id, revision, rule, version, shadow, effect, severity,
            score, label, spans, error, at)
ON CONFLICT (site_id, article_id, comment_id, revision, rule, version) DO NOTHING;

-- name: record_alert
-- Of which comments a rule wants somebody told; once a comment and rule. In the order of the key.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[], $4 rules text[],
--   $5 labels text[], $6 severities smallint[], $7 roles text[], $8 ats timestamptz[]
--   (side by side)
INSERT INTO alerts (site_id, article_id, comment_id, rule, label, severity, role, at)
SELECT site_id, article_id, comment_id, rule, label, severity, role, at
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::smallint[],
            $7::text[], $8::timestamptz[])
    AS new (site_id, article_id, comment_id, rule, label, severity, role, at)
ON CONFLICT (site_id, article_id, comment_id, rule) DO NOTHING;

-- name: forget_screening
-- What was made of the texts of comments that their authors or the law took away.
--   $1 site_ids integer[], $2 article_ids uuid[], $3 comment_ids uuid[] (side by side)
-- Index: screenings_pkey, signals_pkey, alerts_pkey.
WITH wanted AS (
    SELECT site_id, article_id, comment_id
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS named (site_id, article_id, comment_id)
), unsaid AS (
    DELETE FROM alerts a USING wanted w
    WHERE a.site_id = w.site_id AND a.article_id = w.article_id AND a.comment_id = w.comment_id
), gone AS (
    DELETE FROM signals s USING wanted w
    WHERE s.site_id = w.site_id AND s.article_id = w.article_id AND s.comment_id = w.comment_id
)
DELETE FROM screenings s USING wanted w
WHERE s.site_id = w.site_id AND s.article_id = w.article_id AND s.comment_id = w.comment_id;

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
