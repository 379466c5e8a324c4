-- What was seen before anybody looked: one row a text that was screened, one a rule that spoke.
-- Nothing of the text is in them: spans are numbers. They go when the text is taken away, and with
-- the log's own time (docs/decisions/0024-screening-at-intake.md).

CREATE TABLE screenings (
    site_id      integer NOT NULL,
    article_id   uuid NOT NULL,
    comment_id   uuid NOT NULL,
    revision     integer NOT NULL CHECK (revision >= 1),
    at           timestamptz NOT NULL,
    ruling       text NOT NULL CHECK (ruling IN ('refuse', 'reject', 'hold', 'shadow_limit', 'flag',
                 'approve', 'raise', 'none')),
    rule         text, -- that decided, if one did
    rule_version integer,
    reason       text,
    severity     smallint NOT NULL CHECK (severity BETWEEN 0 AND 10),
    risk         real NOT NULL CHECK (risk BETWEEN 0 AND 1),
    scores       jsonb NOT NULL DEFAULT '{}', -- probability by model
    lang         text,
    tricks       text[] NOT NULL DEFAULT '{}', -- how the text hides its words
    PRIMARY KEY (site_id, article_id, comment_id, revision)
);
CREATE INDEX screenings_by_time ON screenings (at);

CREATE TABLE signals (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    revision   integer NOT NULL CHECK (revision >= 1),
    rule       text NOT NULL,
    version    integer NOT NULL,
    shadow     boolean NOT NULL, -- recorded, without any effect
    effect     text NOT NULL,
    severity   smallint NOT NULL CHECK (severity BETWEEN 0 AND 10),
    score      real NOT NULL,
    label      text NOT NULL,
    spans      jsonb NOT NULL DEFAULT '[]',
    error      text, -- what kept it from being tried
    at         timestamptz NOT NULL,
    PRIMARY KEY (site_id, article_id, comment_id, revision, rule)
);
CREATE INDEX signals_by_rule ON signals (site_id, rule, at);
