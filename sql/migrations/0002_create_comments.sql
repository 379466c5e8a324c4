-- Articles and what is or was public under them. Every table that grows with traffic starts
-- its keys with (site_id, article_id): spread by article_id, no statement has to change.

CREATE TABLE articles (
    site_id        integer NOT NULL REFERENCES sites,
    article_id     uuid NOT NULL, -- SHA-256 of (site_id, key): service/model.py
    key            text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    url            text CHECK (length(url) <= 2048),
    title          text CHECK (length(title) <= 300),
    lang           text,
    state          text NOT NULL DEFAULT 'open'
                   CHECK (state IN ('open', 'premoderated', 'closed', 'off')),
    mode           text CHECK (mode IN ('pre', 'post', 'trusted')),
    close_at       timestamptz,
    views_per_hour double precision CHECK (views_per_hour >= 0),
    managed        boolean NOT NULL DEFAULT false,
    merged_into    uuid, -- this key is an alias of that article
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id)
);
CREATE INDEX articles_merged ON articles (site_id, merged_into) WHERE merged_into IS NOT NULL;

-- One row an article: its counts, changed in the transaction that changes a comment, and the
-- version of its public thread. The row is also the lock under which an article is decided.
CREATE TABLE article_counts (
    site_id     integer NOT NULL,
    article_id  uuid NOT NULL,
    approved    bigint NOT NULL DEFAULT 0 CHECK (approved >= 0),
    shown_roots bigint NOT NULL DEFAULT 0 CHECK (shown_roots >= 0),
    version     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, article_id),
    FOREIGN KEY (site_id, article_id) REFERENCES articles
);

CREATE TABLE comments (
    site_id       integer NOT NULL,
    article_id    uuid NOT NULL,
    comment_id    uuid NOT NULL,
    parent_id     uuid,
    root_id       uuid NOT NULL, -- itself for a root
    depth         smallint NOT NULL CHECK (depth >= 0),
    author_id     uuid, -- null once erased
    author_kind   text NOT NULL CHECK (author_kind IN ('guest', 'reader', 'backend')),
    author_name   text NOT NULL,
    author_badge  text,
    author_avatar text,
    author_email  text, -- never shown to readers
    text          text,
    lang          text,
    status        text NOT NULL CHECK (status IN ('approved', 'removed', 'deleted')),
    revision      integer NOT NULL CHECK (revision >= 1),
    created_at    timestamptz NOT NULL,
    published_at  timestamptz NOT NULL,
    edited_at     timestamptz,
    up            integer NOT NULL DEFAULT 0 CHECK (up >= 0),
    down          integer NOT NULL DEFAULT 0 CHECK (down >= 0),
    best          double precision NOT NULL, -- order of `best`, largest first: service/model.py
    pinned        boolean NOT NULL DEFAULT false,
    featured      boolean NOT NULL DEFAULT false,
    unseen        boolean NOT NULL DEFAULT false, -- public, and no person has decided it
    reply_count   integer NOT NULL DEFAULT 0 CHECK (reply_count >= 0),
    shown_replies integer NOT NULL DEFAULT 0 CHECK (shown_replies >= 0),
    shown         boolean NOT NULL GENERATED ALWAYS AS
                  (status = 'approved' OR shown_replies > 0) STORED,
    PRIMARY KEY (site_id, article_id, comment_id),
    FOREIGN KEY (site_id, article_id) REFERENCES articles,
    FOREIGN KEY (site_id, article_id, parent_id) REFERENCES comments,
    CHECK ((status = 'approved') = (text IS NOT NULL)),
    CHECK ((parent_id IS NULL) = (root_id = comment_id)),
    CHECK ((parent_id IS NULL) = (depth = 0)),
    CHECK (shown_replies >= reply_count)
);
-- A page of roots by each order, and the replies below them, by key and never by offset.
CREATE INDEX comments_roots_newest ON comments (site_id, article_id, created_at DESC, comment_id DESC)
    WHERE parent_id IS NULL AND shown;
CREATE INDEX comments_roots_best ON comments (site_id, article_id, pinned DESC, best DESC, comment_id DESC)
    WHERE parent_id IS NULL AND shown;
CREATE INDEX comments_below_root ON comments (site_id, article_id, root_id, created_at, comment_id)
    WHERE parent_id IS NOT NULL AND shown;
CREATE INDEX comments_replies ON comments (site_id, article_id, parent_id, created_at, comment_id)
    WHERE parent_id IS NOT NULL AND shown;
CREATE INDEX comments_by_author ON comments (site_id, author_id, created_at DESC);
CREATE INDEX comments_unseen ON comments (site_id, published_at) WHERE unseen AND status = 'approved';

-- Former approved texts of an edited comment.
CREATE TABLE comment_revisions (
    site_id     integer NOT NULL,
    article_id  uuid NOT NULL,
    comment_id  uuid NOT NULL,
    revision    integer NOT NULL,
    text        text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, article_id, comment_id, revision),
    FOREIGN KEY (site_id, article_id, comment_id) REFERENCES comments
);

-- Where a comment is: the one table spread by site. Written with the journal row or the
-- first decision, whichever commits first.
CREATE TABLE comment_places (
    site_id    integer NOT NULL REFERENCES sites,
    comment_id uuid NOT NULL,
    article_id uuid NOT NULL,
    PRIMARY KEY (site_id, comment_id)
);
