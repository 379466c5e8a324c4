-- Why: public comments that no person decided are looked at once, and a sample of what was
-- decided is judged a second time, blind, so that the newsroom knows how often it agrees.

-- Who has seen a public comment that only rules had let through.
CREATE TABLE seen (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key')),
    actor_id   text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (site_id, article_id, comment_id),
    FOREIGN KEY (site_id, article_id, comment_id) REFERENCES comments
);

-- The sample: one decision of a comment, and what somebody else says of the same text.
CREATE TABLE checks (
    site_id    integer NOT NULL REFERENCES sites,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    n          integer NOT NULL, -- the decision that is checked
    decided_by text NOT NULL CHECK (decided_by IN ('member', 'key', 'rule')),
    decider_id text NOT NULL,
    verdict    text NOT NULL CHECK (verdict IN ('approve', 'reject')), -- what was decided
    decided_at timestamptz NOT NULL,
    checked    text CHECK (checked IN ('approve', 'reject')), -- what the second look says
    reason     text,
    actor_kind text CHECK (actor_kind IN ('member', 'key')),
    actor_id   text,
    checked_at timestamptz,
    PRIMARY KEY (site_id, article_id, comment_id),
    CHECK ((checked IS NULL) = (checked_at IS NULL)),
    CHECK ((checked IS NULL) = (actor_id IS NULL))
);
CREATE INDEX checks_open ON checks (site_id, decided_at) WHERE checked IS NULL;
CREATE INDEX checks_by_day ON checks (site_id, decided_at);
CREATE INDEX checks_answered ON checks (site_id, checked_at) WHERE checked IS NOT NULL;
