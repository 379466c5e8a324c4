-- Why: a site may lend its screening to another system, and ask a service of its own about comments
-- (docs/decisions/0027-bridges.md). One row a bridge that was ever set up; few a site.
CREATE TABLE bridges (
    site_id    integer NOT NULL REFERENCES sites,
    kind       text NOT NULL CHECK (kind IN ('coral', 'perspective', 'check')),
    version    integer NOT NULL CHECK (version >= 1), -- rises with every change: signals carry it
    enabled    boolean NOT NULL,
    secret     bytea, -- sealed; of 'perspective' the SHA-256 of its key; null once it ended
    url        text, -- 'check': where to ask
    timeout_ms integer CHECK (timeout_ms BETWEEN 100 AND 2000),
    on_failure text CHECK (on_failure IN ('hold', 'none')),
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, kind),
    CHECK (enabled = (secret IS NOT NULL)),
    CHECK (kind <> 'check' OR num_nonnulls(url, timeout_ms, on_failure) = 3)
);
