-- Why: a rule may ask for somebody of the newsroom to be told at once. One row a comment and rule,
-- written beside what screening saw; nothing of the text (docs/decisions/0029-alerts.md).
CREATE TABLE alerts (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    rule       text NOT NULL,
    label      text NOT NULL, -- what the rule said, as its signal has it
    severity   smallint NOT NULL CHECK (severity BETWEEN 0 AND 10),
    role       text NOT NULL CHECK (role IN ('moderator', 'senior', 'editor', 'admin')),
    at         timestamptz NOT NULL,
    told_at    timestamptz, -- open pages were told
    rang_at    timestamptz, -- webhooks were told: once in a while a rule
    seen_at    timestamptz,
    seen_by    text, -- the member's UUID or the key's id
    PRIMARY KEY (site_id, article_id, comment_id, rule)
);
CREATE INDEX alerts_untold ON alerts (at) WHERE told_at IS NULL;
CREATE INDEX alerts_unseen ON alerts (site_id, at) WHERE seen_at IS NULL;
CREATE INDEX alerts_rung ON alerts (site_id, rule, rang_at) WHERE rang_at IS NOT NULL;
CREATE INDEX alerts_by_time ON alerts (at);
