-- Models that learn of a site's decisions: what they learn from, and their versions.

-- name: labelled
-- What people decided last, with the text they judged, the latest first; the operation on a cluster
-- that it was a part of; and what a second look at it said, if it was drawn for one.
--   $1 site_id integer, $2 limit integer
-- Index: decisions_by_time, decisions_pkey, comments_pkey, kept_texts_pkey,
--   cluster_decision_items_pkey, checks_pkey.
SELECT d.comment_id, d.status, d.reason, d.actor_id, d.at, i.operation_id,
       h.comment_id IS NOT NULL AS drawn, h.checked, h.reason AS checked_reason,
       coalesce(CASE WHEN c.revision = d.revision THEN c.text END, k.payload ->> 'text') AS text
FROM (
    SELECT site_id, article_id, comment_id, n, decision_id, revision, status, reason, actor_id, at
    FROM decisions l
    WHERE site_id = $1 AND actor_kind = 'member' AND kind = 'new'
      AND action IN ('approve', 'reject', 'remove', 'restore')
      AND NOT EXISTS (
          SELECT FROM decisions later
          WHERE later.site_id = l.site_id AND later.article_id = l.article_id
            AND later.comment_id = l.comment_id AND later.n > l.n
      )
    ORDER BY at DESC LIMIT $2
) d
LEFT JOIN comments c ON c.site_id = d.site_id AND c.article_id = d.article_id
    AND c.comment_id = d.comment_id
LEFT JOIN kept_texts k ON k.site_id = d.site_id AND k.article_id = d.article_id
    AND k.comment_id = d.comment_id AND k.revision = d.revision
LEFT JOIN cluster_decision_items i ON i.site_id = d.site_id AND i.comment_id = d.comment_id
    AND i.decision_id = d.decision_id
LEFT JOIN checks h ON h.site_id = d.site_id AND h.article_id = d.article_id
    AND h.comment_id = d.comment_id AND h.n = d.n
ORDER BY d.at DESC;

-- name: count_labelled
-- How many comments people have decided since a time.
--   $1 site_id integer, $2 since timestamptz
-- Index: decisions_by_time.
SELECT count(*) FROM decisions
WHERE site_id = $1 AND at > $2 AND actor_kind = 'member' AND kind = 'new'
  AND action IN ('approve', 'reject', 'remove', 'restore');

-- name: versions
-- All versions of a site's models, the latest first.
--   $1 site_id integer
-- Index: models_pkey.
SELECT kind, version, state, trained_at, decisions, violations, moderators, figures, stated_at
FROM models WHERE site_id = $1 ORDER BY kind, version DESC;

-- name: currents
-- Which version of each model is in use, on all sites.
-- Index: models_current.
SELECT site_id, kind, version FROM models WHERE state = 'current';

-- name: weights
-- What one version has learnt.
--   $1 site_id integer, $2 kind text, $3 version integer
-- Index: models_pkey.
SELECT weights, sha256 FROM models WHERE site_id = $1 AND kind = $2 AND version = $3;

-- name: keep
-- A new version, of the next number.
--   $1 site_id integer, $2 kind text, $3 state text, $4 trained_at timestamptz,
--   $5 decisions integer, $6 violations integer, $7 moderators integer, $8 figures jsonb,
--   $9 weights bytea, $10 sha256 bytea
INSERT INTO models (site_id, kind, version, state, trained_at, decisions, violations, moderators,
                    figures, weights, sha256, stated_at)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $4
FROM models WHERE site_id = $1 AND kind = $2
RETURNING version;

-- name: retire
-- No version is in use any more.
--   $1 site_id integer, $2 kind text, $3 at timestamptz
-- Index: models_current.
UPDATE models SET state = 'kept', stated_at = $3
WHERE site_id = $1 AND kind = $2 AND state = 'current';

-- name: promote
-- A version is in use.
--   $1 site_id integer, $2 kind text, $3 version integer, $4 at timestamptz
-- Index: models_pkey.
UPDATE models SET state = 'current', stated_at = $4
WHERE site_id = $1 AND kind = $2 AND version = $3;

-- name: drop_old
-- Versions beyond the latest so many, but for the one in use.
--   $1 site_id integer, $2 kind text, $3 kept integer
-- Index: models_pkey.
DELETE FROM models
WHERE site_id = $1 AND kind = $2 AND state <> 'current' AND version <= (
    SELECT max(version) - $3 FROM models WHERE site_id = $1 AND kind = $2
);

-- name: wishes
-- What editors want of the models, of one site or of all (null).
--   $1 site_id integer
-- Index: model_wishes_pkey.
SELECT site_id, kind, approves, asked_at FROM model_wishes
WHERE $1::integer IS NULL OR site_id = $1;

-- name: wish_approval
-- Whether a model may be asked before a rule approves.
--   $1 site_id integer, $2 kind text, $3 approves boolean
INSERT INTO model_wishes (site_id, kind, approves) VALUES ($1, $2, $3)
ON CONFLICT (site_id, kind) DO UPDATE SET approves = excluded.approves;

-- name: ask_anew
-- A new version is wanted now.
--   $1 site_id integer, $2 kind text, $3 at timestamptz
INSERT INTO model_wishes (site_id, kind, asked_at) VALUES ($1, $2, $3)
ON CONFLICT (site_id, kind) DO UPDATE SET asked_at = excluded.asked_at;
