-- Sites, their keys and people. Small tables: a distributed engine may copy them to every node.

CREATE TABLE sites (
    site_id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug             text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name             text NOT NULL,
    settings         jsonb NOT NULL DEFAULT '{}',
    settings_version integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- What this Postgres knows of each site's queue in Redis: an epoch that Redis must still
-- have, and the highest sequence number acknowledged. Behind them means Redis went back.
CREATE TABLE watermarks (
    site_id integer PRIMARY KEY REFERENCES sites,
    epoch   text NOT NULL,
    seq     bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    key_id       text PRIMARY KEY CHECK (key_id ~ '^[0-9A-Za-z]{8}$'),
    site_id      integer NOT NULL REFERENCES sites,
    name         text NOT NULL DEFAULT '',
    secret_hash  bytea NOT NULL CHECK (length(secret_hash) = 32),
    scopes       text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'moderate', 'manage']),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_by_site ON api_keys (site_id, created_at);

-- Keys of a site's own sign-in, with which it mints the tokens of its readers.
CREATE TABLE token_keys (
    site_id    integer NOT NULL REFERENCES sites,
    kid        text NOT NULL CHECK (length(kid) BETWEEN 1 AND 128),
    issuer     text NOT NULL,
    algorithm  text NOT NULL CHECK (algorithm IN ('HS256', 'RS256', 'ES256', 'EdDSA')),
    key        bytea NOT NULL, -- HS256: sealed with the service's key; else the public key in PEM
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    PRIMARY KEY (site_id, kid)
);

CREATE TABLE members (
    member_id  uuid PRIMARY KEY,
    email      text NOT NULL UNIQUE CHECK (email = lower(email)),
    name       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);

CREATE TABLE memberships (
    member_id uuid NOT NULL REFERENCES members,
    site_id   integer NOT NULL REFERENCES sites,
    role      text NOT NULL CHECK (role IN ('viewer', 'moderator', 'senior', 'editor', 'admin')),
    since     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (member_id, site_id)
);
CREATE INDEX memberships_by_site ON memberships (site_id);

-- One-time links: an invitation to a member, or the first start's owner link.
CREATE TABLE invitations (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    member_id  uuid REFERENCES members, -- null: whoever follows the owner link names themselves
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

-- An author's record with one site. Grows with readers, spread by site.
CREATE TABLE readers (
    site_id      integer NOT NULL REFERENCES sites,
    author_id    uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('guest', 'reader', 'backend')),
    name         text NOT NULL DEFAULT '',
    generation   integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
    approved     integer NOT NULL DEFAULT 0 CHECK (approved >= 0),
    rejected     integer NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    first_seen   timestamptz NOT NULL DEFAULT now(),
    banned_until timestamptz, -- 'infinity' for good
    trusted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (site_id, author_id)
);
