-- What a site's models have learnt, version by version: the numbers themselves, and how good they
-- are. Spread by site. docs/decisions/0022-learning.md

CREATE TABLE models (
    site_id    integer NOT NULL REFERENCES sites,
    kind       text NOT NULL CHECK (kind IN ('abuse', 'spam')),
    version    integer NOT NULL CHECK (version >= 1),
    state      text NOT NULL CHECK (state IN ('current', 'kept', 'refused')),
    trained_at timestamptz NOT NULL,
    decisions  integer NOT NULL,
    violations integer NOT NULL,
    moderators integer NOT NULL,
    figures    jsonb NOT NULL, -- as features/learning/report.py writes them
    weights    bytea NOT NULL, -- arrays of NumPy, nothing that could run
    sha256     bytea NOT NULL CHECK (length(sha256) = 32), -- of the weights
    stated_at  timestamptz NOT NULL,
    PRIMARY KEY (site_id, kind, version)
);
CREATE UNIQUE INDEX models_current ON models (site_id, kind) WHERE state = 'current';

-- What an editor wants of a site's models.
CREATE TABLE model_wishes (
    site_id  integer NOT NULL REFERENCES sites,
    kind     text NOT NULL CHECK (kind IN ('abuse', 'spam')),
    approves boolean NOT NULL DEFAULT false, -- may be asked before a rule approves
    asked_at timestamptz, -- for a new version, now
    PRIMARY KEY (site_id, kind)
);
