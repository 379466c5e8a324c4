-- Lines of the filter language that a member wants to ask again; nobody else sees them.
CREATE TABLE saved_searches (
    member_id uuid NOT NULL REFERENCES members,
    site_id   integer NOT NULL REFERENCES sites,
    search_id uuid NOT NULL,
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    line      text NOT NULL CHECK (length(line) <= 500),
    sort      text NOT NULL CHECK (sort IN ('newest', 'oldest')),
    at        timestamptz NOT NULL,
    PRIMARY KEY (member_id, site_id, search_id)
);
