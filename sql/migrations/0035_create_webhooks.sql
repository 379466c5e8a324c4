-- Where a site's own programs want to hear of what happens, what happened, and what became of
-- telling them. Spread by site, as `readers`; no text of a comment lies here, only where it is.

CREATE TABLE webhooks (
    site_id          integer NOT NULL REFERENCES sites,
    webhook_id       uuid NOT NULL,
    url              text NOT NULL CHECK (length(url) <= 2000),
    name             text NOT NULL DEFAULT '' CHECK (length(name) <= 80),
    events           text[] NOT NULL CHECK (cardinality(events) >= 1),
    state            text NOT NULL CHECK (state IN ('active', 'paused', 'failing', 'gone')),
    secret           bytea NOT NULL, -- sealed: service/secrets.py
    old_secret       bytea, -- signs too, until then
    old_secret_until timestamptz,
    failing_since    timestamptz, -- the first failure after the last success
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (site_id, webhook_id),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);

-- Written by the transaction that makes it true, or from the outbox that is; leaves when it is
-- ripe, unless the decision behind it was undone before. `seq` is the order in which they came.
CREATE TABLE webhook_events (
    site_id     integer NOT NULL REFERENCES sites,
    event_id    uuid NOT NULL DEFAULT gen_random_uuid(), -- `webhook-id`: stays over every try
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL,
    article_id  uuid,
    comment_id  uuid,
    facts       jsonb NOT NULL DEFAULT '{}',
    decision_id uuid,
    reverses    uuid,
    at          timestamptz NOT NULL,
    ripe_at     timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'released', 'cancelled')),
    PRIMARY KEY (site_id, event_id)
);
CREATE INDEX webhook_events_waiting ON webhook_events (ripe_at) WHERE state = 'waiting';
CREATE INDEX webhook_events_by_age ON webhook_events (at);

-- One event for one endpoint, with every try so far: when, what came of it, how long it took.
CREATE TABLE webhook_deliveries (
    site_id    integer NOT NULL,
    webhook_id uuid NOT NULL,
    event_id   uuid NOT NULL,
    seq        bigint NOT NULL, -- of the event
    kind       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'stopped')),
    due_at     timestamptz NOT NULL, -- of the next try, while it waits
    tries      integer NOT NULL DEFAULT 0, -- of this round; sending it again begins another
    attempts   jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, webhook_id, event_id),
    FOREIGN KEY (site_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
    FOREIGN KEY (site_id, event_id) REFERENCES webhook_events ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (site_id, webhook_id, due_at)
    WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_by_seq ON webhook_deliveries (site_id, webhook_id, seq DESC);
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (site_id, event_id);

-- How far the clock has been followed, so that an article that closes by itself is told of once.
CREATE TABLE webhook_marks (
    name text PRIMARY KEY,
    at   timestamptz NOT NULL
);
