-- Postgres' parser takes <word> for markup, &word; for an entity and word/word for a file, and finds no words in them.
ALTER TABLE notes DROP COLUMN words;

ALTER TABLE notes ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', translate(title, '<>&/@', '     ')), 'A')
    || setweight(to_tsvector('simple', translate(content, '<>&/@', '     ')), 'B')
) STORED;

CREATE INDEX notes_words ON notes USING gin (words);
