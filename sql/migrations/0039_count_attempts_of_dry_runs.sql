-- How often a trial was begun: one that brings the process down with it is not begun for ever.
ALTER TABLE dry_runs ADD COLUMN attempts smallint NOT NULL DEFAULT 0;
