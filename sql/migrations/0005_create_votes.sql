-- Why: each reader votes once for a comment; `comments.up` and `down` are the sums of what counts.
CREATE TABLE votes (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    voter_id     uuid NOT NULL,
    value        smallint NOT NULL CHECK (value IN (1, -1)),
    counts       boolean NOT NULL, -- false: one too many of an address in a day
    address_hash text, -- of guests, keyed; never the address
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id, comment_id, voter_id),
    FOREIGN KEY (site_id, article_id, comment_id) REFERENCES comments
);
CREATE INDEX votes_by_voter ON votes (site_id, article_id, voter_id);
CREATE INDEX votes_by_address ON votes (site_id, article_id, comment_id, address_hash, at)
    WHERE address_hash IS NOT NULL AND counts;
