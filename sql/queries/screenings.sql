-- What screening saw: a row a text, a row a rule that spoke. Nothing of the text itself.

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
