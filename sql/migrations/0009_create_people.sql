-- What the newsroom decides and notes of authors, and what it does to all they have waiting.
-- Spread by site, as `readers`.

ALTER TABLE readers ADD COLUMN ban_reason text CHECK (length(ban_reason) <= 1000); -- public
ALTER TABLE readers ADD COLUMN always_hold boolean NOT NULL DEFAULT false;

-- An author posts again once they have acknowledged every warning.
CREATE TABLE reader_warnings (
    site_id         integer NOT NULL REFERENCES sites,
    author_id       uuid NOT NULL,
    warning_id      uuid NOT NULL,
    text            text NOT NULL CHECK (length(text) <= 2000),
    actor_kind      text NOT NULL CHECK (actor_kind IN ('member', 'key')),
    actor_id        text NOT NULL,
    at              timestamptz NOT NULL,
    acknowledged_at timestamptz,
    PRIMARY KEY (site_id, author_id, warning_id)
);
CREATE INDEX reader_warnings_by_id ON reader_warnings (site_id, warning_id);

-- Said among colleagues; never changed.
CREATE TABLE reader_notes (
    site_id    integer NOT NULL REFERENCES sites,
    author_id  uuid NOT NULL,
    note_id    uuid NOT NULL,
    text       text NOT NULL CHECK (length(text) <= 2000),
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key')),
    actor_id   text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (site_id, author_id, note_id)
);

-- Whom an entry of the administrative log is about: apart from it, so that it can be deleted and
-- the log stay.
CREATE TABLE reader_acts (
    site_id   integer NOT NULL REFERENCES sites,
    author_id uuid NOT NULL,
    entry_id  uuid NOT NULL,
    PRIMARY KEY (site_id, author_id, entry_id)
);

-- A sweep rejects everything an author has waiting, batch by batch, and can be undone once.
CREATE TABLE sweeps (
    site_id        integer NOT NULL REFERENCES sites,
    sweep_id       uuid NOT NULL,
    author_id      uuid NOT NULL,
    state          text NOT NULL CHECK (state IN ('running', 'done', 'undoing', 'undone')),
    reason         text NOT NULL,
    note           text CHECK (length(note) <= 2000),
    actor_kind     text NOT NULL CHECK (actor_kind IN ('member', 'key')),
    actor_id       text NOT NULL,
    sees_escalated boolean NOT NULL,
    undone_kind    text, -- who asked for the undoing
    undone_by      text,
    at             timestamptz NOT NULL,
    ended_at       timestamptz,
    PRIMARY KEY (site_id, sweep_id)
);
CREATE INDEX sweeps_under_way ON sweeps (site_id, at) WHERE state IN ('running', 'undoing');

CREATE TABLE sweep_items (
    site_id     integer NOT NULL,
    sweep_id    uuid NOT NULL,
    comment_id  uuid NOT NULL,
    revision    integer NOT NULL,
    decision_id uuid NOT NULL, -- given beforehand: a batch that is repeated changes nothing
    outcome     text, -- of the decision; null until it was tried
    undone      text CHECK (undone IN ('undone', 'kept')), -- null until it was tried
    PRIMARY KEY (site_id, sweep_id, comment_id),
    FOREIGN KEY (site_id, sweep_id) REFERENCES sweeps
);
