-- Why: statistics look for what turned a decision round, which is rare, among all that is decided.
CREATE INDEX CONCURRENTLY decisions_later ON decisions (site_id, at) WHERE n > 1;
