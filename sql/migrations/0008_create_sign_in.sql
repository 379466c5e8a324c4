-- How the newsroom's people prove who they are, where they are signed in, and what was done to
-- accounts. Small tables: a distributed engine may copy them to every node.

-- Whoever followed the first start's owner link: an admin of every site, also of those to come.
ALTER TABLE members ADD COLUMN owner boolean NOT NULL DEFAULT false;

-- Whose admin invited, so that a link gives nothing on other sites; null: the command line.
ALTER TABLE invitations ADD COLUMN site_id integer;
-- Whether the link also replaces everything its member signs in with (the command line's do).
ALTER TABLE invitations ADD COLUMN resets boolean NOT NULL DEFAULT false;

CREATE TABLE passwords (
    member_id  uuid PRIMARY KEY REFERENCES members,
    hash       text NOT NULL, -- argon2id with its parameters and salt
    changed_at timestamptz NOT NULL
);

-- An authenticator's secret (RFC 6238), sealed with the service's key and bound to its member.
CREATE TABLE authenticators (
    member_id    uuid PRIMARY KEY REFERENCES members,
    secret       bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0 -- a code is good once
);

CREATE TABLE recovery_codes (
    member_id uuid NOT NULL REFERENCES members,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (member_id, code_hash)
);

CREATE TABLE passkeys (
    passkey_id    uuid PRIMARY KEY,
    credential_id bytea NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    member_id     uuid NOT NULL REFERENCES members,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    synced        boolean NOT NULL, -- kept by more than one device
    name          text NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX passkeys_by_member ON passkeys (member_id, created_at);

CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL UNIQUE,
    member_id  uuid NOT NULL REFERENCES members,
    method     text NOT NULL CHECK (method IN ('password', 'code', 'passkey', 'invitation')),
    agent      text NOT NULL, -- the browser's and the system's family, no more
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    proved_at  timestamptz NOT NULL, -- when its member last proved who they are
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_member ON sessions (member_id, created_at);

-- Who did what to whose account, key or site. Append-only, as the log of decisions.
CREATE TABLE administrative_acts (
    entry_id   uuid PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key', 'operator')),
    actor_id   text NOT NULL,
    act        text NOT NULL CHECK (act ~ '^[a-z_]+\.[a-z_]+$'),
    site_id    integer, -- null: of the whole service
    member_id  uuid,    -- whom it was done to
    details    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX administrative_acts_by_site ON administrative_acts (site_id, entry_id);
CREATE INDEX administrative_acts_by_member ON administrative_acts (member_id, entry_id);
