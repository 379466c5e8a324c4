-- Why: a moderator takes an answer back. Of a reported comment the reports that this person had
-- answered are open again; a second look that is taken back is for somebody else, because
-- whoever took it was told what had been decided.
ALTER TABLE reports ADD COLUMN closed_kind text; -- who answered; null: a decision did
ALTER TABLE reports ADD COLUMN closed_id text;
ALTER TABLE checks ADD COLUMN told text[] NOT NULL DEFAULT '{}'; -- `kind:id` of whoever knows
