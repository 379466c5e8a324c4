-- A new version of a list that live rules name waits until it was tried, as a rule does.
ALTER TABLE word_lists ADD COLUMN live_version integer; -- in effect; null: what ships
ALTER TABLE word_lists ADD COLUMN previous_version integer; -- in effect before; 0: what ships
ALTER TABLE word_lists ADD COLUMN live_at timestamptz;
-- Every latest version was in effect so far.
UPDATE word_lists l SET live_version = l.latest_version, live_at = v.at
FROM word_list_versions v
WHERE v.site_id = l.site_id AND v.name = l.name AND v.version = l.latest_version;
-- The versions of lists that were to be tried with the rule, by name; {}: those in effect.
ALTER TABLE dry_runs ADD COLUMN lists jsonb NOT NULL DEFAULT '{}';
