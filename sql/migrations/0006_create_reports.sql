-- Why: readers report comments to the newsroom, and authors ask for a second look.

-- One report a reader (or address) and comment, until the newsroom has answered it.
CREATE TABLE reports (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    reporter_key text NOT NULL, -- an author's id, or the keyed hash of an address
    report_id    uuid NOT NULL,
    reason       text NOT NULL,
    text         text NOT NULL DEFAULT '',
    notice       jsonb, -- of illegal content: who gives notice, and in good faith (DSA Art. 16)
    at           timestamptz NOT NULL,
    closed_at    timestamptz,
    PRIMARY KEY (site_id, article_id, comment_id, reporter_key),
    FOREIGN KEY (site_id, article_id, comment_id) REFERENCES comments
);
CREATE INDEX reports_open ON reports (site_id, comment_id, at) WHERE closed_at IS NULL;

-- One appeal a comment.
CREATE TABLE appeals (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    appeal_id  uuid NOT NULL,
    n          integer NOT NULL, -- the decision it is against
    text       text NOT NULL,
    at         timestamptz NOT NULL,
    answered_at timestamptz,
    granted    boolean,
    note       text NOT NULL DEFAULT '',
    actor_kind text,
    actor_id   text,
    PRIMARY KEY (site_id, article_id, comment_id),
    CHECK ((answered_at IS NULL) = (granted IS NULL))
);
CREATE INDEX appeals_open ON appeals (site_id, at) WHERE answered_at IS NULL;
