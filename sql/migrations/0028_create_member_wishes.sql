-- Why: how somebody likes to work (keys, masks, size of text) follows them to any browser.
CREATE TABLE member_wishes (
    member_id uuid PRIMARY KEY REFERENCES members,
    wishes    jsonb NOT NULL,
    at        timestamptz NOT NULL
);
