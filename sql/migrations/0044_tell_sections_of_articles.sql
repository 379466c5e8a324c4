-- What rules may ask of an article, as the back end tells it.
ALTER TABLE articles ADD COLUMN section text;
ALTER TABLE articles ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE articles ADD COLUMN published_at timestamptz;
