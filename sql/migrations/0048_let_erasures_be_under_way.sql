-- An erasure goes on in batches; while it does, it has to name whom it is about. Once it is done
-- only the keyed hash stays, so that nothing of theirs comes back with a backup.
ALTER TABLE erasures ADD COLUMN author_id uuid;
ALTER TABLE erasures ADD COLUMN comments integer NOT NULL DEFAULT 0;
ALTER TABLE erasures ADD COLUMN done_at timestamptz;
