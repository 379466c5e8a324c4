-- The rules and word lists of a site, in versions that never change, and what is in effect.

-- name: version_of
-- Which state of its rules a site has; no row: those that come with Postbag.
--   $1 site_id integer
-- Index: rulebooks_pkey.
SELECT version FROM rulebooks WHERE site_id = $1;

-- name: turn_page
-- Tell every process that a site's rules or lists are others now.
--   $1 site_id integer, $2 changed_at timestamptz
INSERT INTO rulebooks (site_id, version, changed_at) VALUES ($1, 1, $2)
ON CONFLICT (site_id) DO UPDATE
SET version = rulebooks.version + 1, changed_at = excluded.changed_at;

-- name: all_rules
-- Every rule a site has of its own, with its latest version and those in effect.
--   $1 site_id integer
-- Index: rules_pkey, rule_versions_pkey.
SELECT r.rule_id, r.revision, r.latest_version, r.live_version, r.shadow_version, r.went_live_at,
       r.expected_share, r.precision_floor, r.demoted_at, r.demoted_for, r.changed_at,
       latest.rule AS latest, live.rule AS live, shadow.rule AS shadow
FROM rules r
JOIN rule_versions latest ON latest.site_id = r.site_id AND latest.rule_id = r.rule_id
    AND latest.version = r.latest_version
LEFT JOIN rule_versions live ON live.site_id = r.site_id AND live.rule_id = r.rule_id
    AND live.version = r.live_version
LEFT JOIN rule_versions shadow ON shadow.site_id = r.site_id AND shadow.rule_id = r.rule_id
    AND shadow.version = r.shadow_version
WHERE r.site_id = $1
ORDER BY r.rule_id;

-- name: find_rule
-- One of them.
--   $1 site_id integer, $2 rule_id text
-- Index: rules_pkey, rule_versions_pkey.
SELECT r.rule_id, r.revision, r.latest_version, r.live_version, r.shadow_version, r.went_live_at,
       r.expected_share, r.precision_floor, r.demoted_at, r.demoted_for, r.changed_at,
       latest.rule AS latest, live.rule AS live, shadow.rule AS shadow
FROM rules r
JOIN rule_versions latest ON latest.site_id = r.site_id AND latest.rule_id = r.rule_id
    AND latest.version = r.latest_version
LEFT JOIN rule_versions live ON live.site_id = r.site_id AND live.rule_id = r.rule_id
    AND live.version = r.live_version
LEFT JOIN rule_versions shadow ON shadow.site_id = r.site_id AND shadow.rule_id = r.rule_id
    AND shadow.version = r.shadow_version
WHERE r.site_id = $1 AND r.rule_id = $2;

-- name: lock_rule
-- What is known of a rule, which nobody else changes until the transaction ends.
--   $1 site_id integer, $2 rule_id text
-- Index: rules_pkey.
SELECT revision, latest_version, live_version, shadow_version, expected_share
FROM rules WHERE site_id = $1 AND rule_id = $2
FOR UPDATE;

-- name: add_rule
-- A rule whose first version follows; no row when there is one of this name.
--   $1 site_id integer, $2 rule_id text, $3 revision integer, $4 version integer,
--   $5 live_version integer, $6 shadow_version integer, $7 at timestamptz
INSERT INTO rules (site_id, rule_id, revision, latest_version, live_version, shadow_version,
                   went_live_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $5::integer IS NOT NULL THEN $7::timestamptz END, $7)
ON CONFLICT (site_id, rule_id) DO NOTHING
RETURNING rule_id;

-- name: add_version
-- A version of a rule.
--   $1 site_id integer, $2 rule_id text, $3 version integer, $4 rule jsonb, $5 comment text,
--   $6 actor_kind text, $7 actor_id text, $8 at timestamptz
INSERT INTO rule_versions (site_id, rule_id, version, rule, comment, actor_kind, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: note_version
-- That a rule has a later version.
--   $1 site_id integer, $2 rule_id text, $3 version integer, $4 at timestamptz
-- Index: rules_pkey.
UPDATE rules SET latest_version = $3, revision = revision + 1, changed_at = $4
WHERE site_id = $1 AND rule_id = $2;

-- name: set_effect
-- Which versions of a rule are in effect.
--   $1 site_id integer, $2 rule_id text, $3 live_version integer, $4 shadow_version integer,
--   $5 went_live_at timestamptz, $6 expected_share double, $7 precision_floor double,
--   $8 demoted_at timestamptz, $9 demoted_for jsonb, $10 at timestamptz
-- Index: rules_pkey.
UPDATE rules
SET live_version = $3, shadow_version = $4,
    went_live_at = CASE WHEN $3::integer IS NULL THEN NULL ELSE coalesce($5, went_live_at, $10) END,
    expected_share = $6, precision_floor = coalesce($7, precision_floor),
    demoted_at = $8, demoted_for = $9, revision = revision + 1, changed_at = $10
WHERE site_id = $1 AND rule_id = $2;

-- name: note_state
-- What became of a rule.
--   $1 site_id integer, $2 rule_id text, $3 entry_id uuid, $4 version integer, $5 state text,
--   $6 comment text, $7 actor_kind text, $8 actor_id text, $9 at timestamptz
INSERT INTO rule_states (site_id, rule_id, entry_id, version, state, comment, actor_kind,
                         actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: versions_of
-- Versions of a rule, latest first, with what people are called by now.
--   $1 site_id integer, $2 rule_id text, $3 limit integer
-- Index: rule_versions_pkey, members_pkey.
SELECT v.version, v.rule, v.comment, v.actor_kind, v.actor_id, v.at,
       coalesce(a.name, k.name, '') AS actor_name
FROM rule_versions v
LEFT JOIN members a ON v.actor_kind = 'member' AND a.member_id::text = v.actor_id
LEFT JOIN api_keys k ON v.actor_kind = 'key' AND k.key_id = v.actor_id
WHERE v.site_id = $1 AND v.rule_id = $2
ORDER BY v.version DESC
LIMIT $3;

-- name: find_version
-- One version of a rule.
--   $1 site_id integer, $2 rule_id text, $3 version integer
-- Index: rule_versions_pkey.
SELECT rule FROM rule_versions WHERE site_id = $1 AND rule_id = $2 AND version = $3;

-- name: states_of
-- What became of a rule, latest first, with what people are called by now.
--   $1 site_id integer, $2 rule_id text, $3 limit integer
-- Index: rule_states_pkey, members_pkey.
SELECT s.version, s.state, s.comment, s.actor_kind, s.actor_id, s.at,
       coalesce(a.name, k.name, '') AS actor_name
FROM rule_states s
LEFT JOIN members a ON s.actor_kind = 'member' AND a.member_id::text = s.actor_id
LEFT JOIN api_keys k ON s.actor_kind = 'key' AND k.key_id = s.actor_id
WHERE s.site_id = $1 AND s.rule_id = $2
ORDER BY s.entry_id DESC
LIMIT $3;

-- name: watched
-- Live rules of all sites that somebody let go live, for whoever looks whether they behave.
-- Index: rules_watched.
SELECT site_id, rule_id, live_version, went_live_at, expected_share, precision_floor
FROM rules
WHERE live_version IS NOT NULL;
