-- Comments that say nearly the same: which they are, and what a new one is compared with.
-- A loop of the leader makes the rows of the comments that triggers say have changed; a cluster
-- nobody adds to and nobody waits in is forgotten after a week. Spread by site.
-- docs/decisions/0021-clusters.md says why.

CREATE TABLE clusters (
    site_id    integer NOT NULL,
    cluster_id uuid NOT NULL, -- the id of its first comment, which speaks for it
    size       integer NOT NULL DEFAULT 0,
    authors    integer NOT NULL DEFAULT 0,
    waiting    integer NOT NULL DEFAULT 0,
    escalated  integer NOT NULL DEFAULT 0, -- of those that wait
    outliers   integer NOT NULL DEFAULT 0, -- of those that wait
    public     integer NOT NULL DEFAULT 0,
    approved   integer NOT NULL DEFAULT 0, -- by a person, as the next
    rejected   integer NOT NULL DEFAULT 0,
    reason     text, -- the most frequent one of those
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (site_id, cluster_id)
) WITH (fillfactor = 80);
CREATE INDEX clusters_waiting ON clusters (site_id, waiting DESC, cluster_id DESC)
    WHERE size > 1 AND waiting > 0;
CREATE INDEX clusters_idle ON clusters (last_at) WHERE waiting = 0;

CREATE TABLE cluster_members (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    author_id  uuid,
    revision   integer NOT NULL,
    likeness   real NOT NULL, -- to the first comment, 0 to 1
    outlier    boolean NOT NULL, -- alike to others of the cluster and not to the first
    state      text NOT NULL,
    waits      boolean NOT NULL,
    escalated  boolean NOT NULL,
    judged     boolean NOT NULL, -- by a person
    reason     text,
    at         timestamptz NOT NULL, -- when it was accepted
    PRIMARY KEY (site_id, article_id, comment_id),
    FOREIGN KEY (site_id, cluster_id) REFERENCES clusters ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX cluster_members_in_order ON cluster_members (site_id, cluster_id, at DESC, comment_id DESC);

-- What a new comment is compared with: the first comment of each cluster, and a few that are
-- less alike to it. So a wave of thousands adds a few rows to the index, not thousands.
CREATE TABLE cluster_signatures (
    site_id    integer NOT NULL,
    cluster_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    numbers    bytea NOT NULL,
    bands      integer[] NOT NULL, -- salted with the site
    PRIMARY KEY (site_id, cluster_id, comment_id),
    FOREIGN KEY (site_id, cluster_id) REFERENCES clusters ON DELETE CASCADE
);
-- Without a list of what is pending: every look-up would read it.
CREATE INDEX cluster_signatures_bands ON cluster_signatures USING gin (bands)
    WITH (fastupdate = off);

-- Comments to be looked at, in the order in which they came or changed. Without a key, as
-- search_changes.
CREATE TABLE cluster_changes (
    site_id    integer NOT NULL,
    article_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    change_id  bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX cluster_changes_in_order ON cluster_changes (change_id);

CREATE FUNCTION note_cluster_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cluster_changes (site_id, article_id, comment_id)
    VALUES (NEW.site_id, NEW.article_id, NEW.comment_id);
    RETURN NULL;
END
$$;

-- A new comment, whichever way it comes.
CREATE TRIGGER cluster_new AFTER INSERT ON comment_places
    FOR EACH ROW EXECUTE FUNCTION note_cluster_change();
CREATE TRIGGER cluster_decided AFTER INSERT ON decisions
    FOR EACH ROW EXECUTE FUNCTION note_cluster_change();
-- An edit, or a comment that waits again.
CREATE TRIGGER cluster_waiting AFTER UPDATE ON intake_journal
    FOR EACH ROW
    WHEN (NEW.state = 'waiting'
          AND (NEW.revision, NEW.n, OLD.state) IS DISTINCT FROM (OLD.revision, OLD.n, NEW.state))
    EXECUTE FUNCTION note_cluster_change();
-- An author who is forgotten.
CREATE TRIGGER cluster_renamed AFTER UPDATE OF author_id, text ON comments
    FOR EACH ROW
    WHEN ((NEW.author_id, NEW.text) IS DISTINCT FROM (OLD.author_id, OLD.text))
    EXECUTE FUNCTION note_cluster_change();

-- One decision for what waits in a cluster, carried out piece by piece, and undone once.
CREATE TABLE cluster_decisions (
    site_id        integer NOT NULL,
    operation_id   uuid NOT NULL,
    cluster_id     uuid NOT NULL, -- which may be forgotten before this is
    state          text NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'undoing', 'undone')),
    action         text NOT NULL CHECK (action IN ('approve', 'reject')),
    reason         text,
    note           text CHECK (length(note) <= 2000),
    actor_kind     text NOT NULL CHECK (actor_kind IN ('member', 'key')),
    actor_id       text NOT NULL,
    sees_escalated boolean NOT NULL,
    undone_kind    text, -- who asked for the undoing
    undone_by      text,
    at             timestamptz NOT NULL,
    ended_at       timestamptz,
    PRIMARY KEY (site_id, operation_id),
    CHECK (action = 'approve' OR reason IS NOT NULL)
);
CREATE INDEX cluster_decisions_under_way ON cluster_decisions (site_id, at)
    WHERE state IN ('running', 'undoing');
CREATE INDEX cluster_decisions_of_cluster ON cluster_decisions (site_id, cluster_id, at DESC);

CREATE TABLE cluster_decision_items (
    site_id      integer NOT NULL,
    operation_id uuid NOT NULL,
    comment_id   uuid NOT NULL,
    revision     integer NOT NULL,
    decision_id  uuid NOT NULL, -- given beforehand: a piece that is repeated changes nothing
    outcome      text, -- of the decision; null until it was tried
    undone       text CHECK (undone IN ('undone', 'kept')), -- null until it was tried
    PRIMARY KEY (site_id, operation_id, comment_id),
    FOREIGN KEY (site_id, operation_id) REFERENCES cluster_decisions
);
