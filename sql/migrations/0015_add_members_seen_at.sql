-- When somebody of the newsroom was last at work: their sessions end, and say it no more.
ALTER TABLE members ADD COLUMN seen_at timestamptz;
