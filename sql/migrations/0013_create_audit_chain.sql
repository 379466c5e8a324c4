-- One log of decisions and administrative acts, each entry sealed with a hash that holds the one
-- before: whoever changes a row, or takes one out, breaks the chain where they did it.
-- The leader seals, behind the transactions that decide. docs/decisions/0018-audit-log.md

-- Which request it was, to be found in the service's own log.
ALTER TABLE decisions ADD COLUMN request_id text CHECK (length(request_id) <= 64);
ALTER TABLE administrative_acts ADD COLUMN request_id text CHECK (length(request_id) <= 64);

-- A chain a site; 0 is of the whole service. Append-only.
CREATE TABLE audit_entries (
    site_id    integer NOT NULL,
    position   bigint NOT NULL CHECK (position >= 1),
    kind       text NOT NULL CHECK (kind IN ('decision', 'act')),
    article_id uuid, -- with the next two: which decision
    comment_id uuid,
    n          integer,
    entry_id   uuid NOT NULL, -- the decision's id, or the act's
    at         timestamptz NOT NULL, -- this and the rest: what lists of the log are asked by
    actor_kind text NOT NULL,
    actor_id   text NOT NULL,
    act        text NOT NULL,
    reason     text,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (site_id, position),
    CHECK ((kind = 'decision') = (article_id IS NOT NULL AND comment_id IS NOT NULL
                                  AND n IS NOT NULL))
);
CREATE INDEX audit_entries_by_actor ON audit_entries (site_id, actor_id, position);
CREATE INDEX audit_entries_by_act ON audit_entries (site_id, act, position);
CREATE INDEX audit_entries_by_comment ON audit_entries (site_id, comment_id, position)
    WHERE comment_id IS NOT NULL;
CREATE INDEX audit_entries_by_time ON audit_entries (site_id, at);

-- What is not sealed yet, in the order in which it was written. Without a key: nothing is looked
-- up in it, and every decision writes a row.
CREATE TABLE audit_unsealed (
    site_id    integer NOT NULL,
    article_id uuid,
    comment_id uuid,
    n          integer,
    entry_id   uuid, -- of an act
    written_id bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX audit_unsealed_in_order ON audit_unsealed (written_id);

CREATE FUNCTION note_unsealed_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (site_id, article_id, comment_id, n)
    VALUES (NEW.site_id, NEW.article_id, NEW.comment_id, NEW.n);
    RETURN NULL;
END
$$;
CREATE FUNCTION note_unsealed_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (site_id, entry_id)
    VALUES (coalesce(NEW.site_id, 0), NEW.entry_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_decided AFTER INSERT ON decisions
    FOR EACH ROW EXECUTE FUNCTION note_unsealed_decision();
CREATE TRIGGER audit_acted AFTER INSERT ON administrative_acts
    FOR EACH ROW EXECUTE FUNCTION note_unsealed_act();

-- What was decided and done before there was a chain.
INSERT INTO audit_unsealed (site_id, article_id, comment_id, n, entry_id)
SELECT site_id, article_id, comment_id, n, entry_id
FROM (
    SELECT site_id, article_id, comment_id, n, NULL::uuid AS entry_id, at FROM decisions
    UNION ALL
    SELECT coalesce(site_id, 0), NULL, NULL, NULL, entry_id, at FROM administrative_acts
) written
ORDER BY at, n, entry_id;
