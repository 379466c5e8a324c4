-- A site's own rules and word lists. A site without a row has what comes with Postbag; a shipped
-- rule that is changed is copied here first. Spread by site. docs/decisions/0020-rulebook.md

-- Which state of rules and lists a site has: read by every process, once a second.
CREATE TABLE rulebooks (
    site_id    integer PRIMARY KEY REFERENCES sites,
    version    bigint NOT NULL CHECK (version >= 1),
    changed_at timestamptz NOT NULL
);

CREATE TABLE rules (
    site_id         integer NOT NULL REFERENCES sites,
    rule_id         text NOT NULL CHECK (rule_id ~ '^[a-z0-9-]{3,64}$'),
    revision        integer NOT NULL DEFAULT 1, -- of this row: tells two editors apart
    latest_version  integer NOT NULL CHECK (latest_version >= 1),
    live_version    integer, -- in effect
    shadow_version  integer, -- tried and counted
    went_live_at    timestamptz,
    expected_share  double precision CHECK (expected_share BETWEEN 0 AND 1), -- of comments, by its dry run
    precision_floor double precision CHECK (precision_floor BETWEEN 0 AND 1),
    demoted_at      timestamptz, -- the service itself took it out of effect
    demoted_for     jsonb, -- why, in figures
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (site_id, rule_id),
    CHECK (live_version <= latest_version),
    CHECK (shadow_version <= latest_version),
    CHECK ((live_version IS NULL) = (went_live_at IS NULL)),
    CHECK ((demoted_at IS NULL) = (demoted_for IS NULL))
);
CREATE INDEX rules_watched ON rules (site_id) WHERE live_version IS NOT NULL;

-- Never changed.
CREATE TABLE rule_versions (
    site_id      integer NOT NULL,
    rule_id      text NOT NULL,
    version      integer NOT NULL CHECK (version >= 1),
    rule         jsonb NOT NULL, -- without id, version and state
    comment      text CHECK (length(comment) <= 2000),
    actor_kind   text NOT NULL CHECK (actor_kind IN ('member', 'key', 'operator', 'service')),
    actor_id     text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (site_id, rule_id, version),
    FOREIGN KEY (site_id, rule_id) REFERENCES rules
);

-- What became of a rule, in order. Never changed.
CREATE TABLE rule_states (
    site_id    integer NOT NULL,
    rule_id    text NOT NULL,
    entry_id   uuid NOT NULL, -- of the administrative log
    version    integer NOT NULL,
    state      text NOT NULL CHECK (state IN ('draft', 'shadow', 'live')),
    comment    text CHECK (length(comment) <= 2000),
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key', 'operator', 'service')),
    actor_id   text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (site_id, rule_id, entry_id),
    FOREIGN KEY (site_id, rule_id) REFERENCES rules
);

CREATE TABLE word_lists (
    site_id        integer NOT NULL REFERENCES sites,
    name           text NOT NULL CHECK (name ~ '^[a-z0-9-]{1,64}$'),
    latest_version integer NOT NULL CHECK (latest_version >= 1),
    PRIMARY KEY (site_id, name)
);

-- Never changed.
CREATE TABLE word_list_versions (
    site_id    integer NOT NULL,
    name       text NOT NULL,
    version    integer NOT NULL CHECK (version >= 1),
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    langs      text[] NOT NULL, -- of texts it is looked for in; empty: all
    words      text[] NOT NULL,
    comment    text CHECK (length(comment) <= 2000),
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key', 'operator', 'service')),
    actor_id   text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (site_id, name, version),
    FOREIGN KEY (site_id, name) REFERENCES word_lists
);

-- A rule tried on what was decided before. The leader takes one after the other; one that a
-- restart cut short begins anew.
CREATE TABLE dry_runs (
    site_id    integer NOT NULL REFERENCES sites,
    dry_run_id uuid NOT NULL,
    rule_id    text NOT NULL,
    version    integer, -- of the site's rule; null: of a document that was only tried
    tried      jsonb NOT NULL, -- the rule, and the lists that were to be tried with it
    state      text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'stopped', 'failed')),
    since      timestamptz NOT NULL, -- comments from here
    until      timestamptz NOT NULL,
    total      integer NOT NULL DEFAULT 0,
    looked_at  integer NOT NULL DEFAULT 0, -- comments
    report     jsonb, -- figures, and ids of comments: never a text
    trouble    text, -- why it failed
    actor_kind text NOT NULL CHECK (actor_kind IN ('member', 'key', 'operator', 'service')),
    actor_id   text NOT NULL,
    at         timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (site_id, dry_run_id),
    CHECK ((state = 'done') = (report IS NOT NULL)),
    CHECK ((state IN ('done', 'stopped', 'failed')) = (ended_at IS NOT NULL))
);
CREATE INDEX dry_runs_under_way ON dry_runs (at) WHERE state IN ('waiting', 'running');
CREATE INDEX dry_runs_of_rule ON dry_runs (site_id, rule_id, at DESC);

-- The service itself takes a rule out of effect, and says so.
-- squawk-ignore ban-drop-constraint
ALTER TABLE administrative_acts DROP CONSTRAINT administrative_acts_actor_kind_check;
ALTER TABLE administrative_acts ADD CONSTRAINT administrative_acts_actor_kind_check
    CHECK (actor_kind IN ('member', 'key', 'operator', 'service')) NOT VALID;
