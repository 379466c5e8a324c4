-- The decision log and what stands around it.

-- Whoever inserts the comment's n-th row has decided; everybody else learns who did.
CREATE TABLE decisions (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    n            integer NOT NULL CHECK (n >= 1),
    decision_id  uuid NOT NULL,
    action       text NOT NULL CHECK (action IN ('approve', 'reject', 'remove', 'restore',
                 'escalate', 'reverse', 'withdraw', 'delete', 'duplicate', 'erase')),
    revision     integer NOT NULL CHECK (revision >= 1),
    kind         text NOT NULL DEFAULT 'new' CHECK (kind IN ('new', 'edit')),
    status       text NOT NULL
                 CHECK (status IN ('pending', 'approved', 'rejected', 'removed', 'deleted')),
    reason       text,
    note         text CHECK (length(note) <= 2000),
    actor_kind   text NOT NULL CHECK (actor_kind IN ('member', 'key', 'rule', 'author')),
    actor_id     text NOT NULL,
    rule_version integer,
    reverses     uuid,
    duplicate_of uuid,
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32), -- SHA-256 of the text judged
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id, comment_id, n),
    UNIQUE (site_id, article_id, comment_id, decision_id),
    CHECK ((action = 'reverse') = (reverses IS NOT NULL)),
    CHECK (action NOT IN ('reject', 'remove') OR reason IS NOT NULL)
);
CREATE INDEX decisions_by_id ON decisions (site_id, decision_id);
CREATE INDEX decisions_by_time ON decisions (site_id, at);

-- What names a person, apart from the log, so that it can be deleted and the log stay.
CREATE TABLE decision_subjects (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    author_id  uuid NOT NULL,
    PRIMARY KEY (site_id, article_id, comment_id)
);
CREATE INDEX decision_subjects_by_author ON decision_subjects (site_id, author_id);

-- What was sent and is not public: a rejected or removed comment, whole (`payload`), as long as
-- its author may appeal.
CREATE TABLE kept_texts (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    revision   integer NOT NULL,
    payload    jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, article_id, comment_id, revision)
);
CREATE INDEX kept_texts_expiring ON kept_texts (expires_at);

-- Behind Redis: everything that waits, copied in batches (or first, at level `journal`).
CREATE TABLE intake_journal (
    site_id     integer NOT NULL,
    article_id  uuid NOT NULL,
    comment_id  uuid NOT NULL,
    revision    integer NOT NULL CHECK (revision >= 1),
    n           integer NOT NULL DEFAULT 0 CHECK (n >= 0),
    kind        text NOT NULL CHECK (kind IN ('new', 'edit')),
    seq         bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'decided')),
    payload     jsonb, -- emptied when decided
    dk          bytea,
    fingerprint bytea,
    created_at  timestamptz NOT NULL,
    journaled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id, comment_id),
    CHECK ((state = 'waiting') = (payload IS NOT NULL))
);
CREATE INDEX intake_journal_waiting ON intake_journal (site_id, seq) WHERE state = 'waiting';
CREATE INDEX intake_journal_decided ON intake_journal (journaled_at) WHERE state = 'decided';

-- Idempotency, also across the loss of Redis; only submissions that carried a key.
CREATE TABLE submissions (
    site_id     integer NOT NULL,
    article_id  uuid NOT NULL,
    dk          bytea NOT NULL CHECK (length(dk) = 32),
    comment_id  uuid NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    author_id   uuid NOT NULL,
    status      smallint NOT NULL CHECK (status IN (201, 202)),
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id, dk)
);
CREATE INDEX submissions_by_age ON submissions (at);

-- What the rest of the world is still to be told.
CREATE TABLE outbox (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    event_id   bigint GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL,
    comment_id uuid,
    payload    jsonb NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT now(),
    relayed_at timestamptz,
    PRIMARY KEY (site_id, article_id, event_id)
);
CREATE INDEX outbox_waiting ON outbox (event_id) WHERE relayed_at IS NULL;
CREATE INDEX outbox_relayed ON outbox (relayed_at) WHERE relayed_at IS NOT NULL;

-- Whom the service has forgotten, as keyed hashes: nothing of theirs comes back (Ruling 6).
CREATE TABLE erasures (
    site_id integer NOT NULL REFERENCES sites,
    subject bytea NOT NULL, -- HMAC of the author's id
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, subject)
);
