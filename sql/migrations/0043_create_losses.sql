-- Why: what a Redis that came back empty, or went back in time, has lost is said until somebody
-- in the newsroom has taken note of it.

-- How far the journal has been although its rows of what was decided are gone by now: without it
-- a quiet site's last week would count as lost.
ALTER TABLE watermarks ADD COLUMN journaled bigint NOT NULL DEFAULT 0;

-- One row a loss: `seq` is the last comment that was acknowledged before it, so that whoever finds
-- the same loss again writes no second row.
CREATE TABLE losses (
    site_id         integer NOT NULL REFERENCES sites,
    seq             bigint NOT NULL CHECK (seq >= 1),
    kind            text NOT NULL CHECK (kind IN ('emptied', 'fell_back')),
    lost_at_most    bigint NOT NULL CHECK (lost_at_most >= 1),
    restored        bigint NOT NULL CHECK (restored >= 0),
    at              timestamptz NOT NULL,
    acknowledged_by uuid, -- a member
    acknowledged_at timestamptz,
    PRIMARY KEY (site_id, seq),
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CREATE INDEX losses_open ON losses (site_id, at) WHERE acknowledged_at IS NULL;
