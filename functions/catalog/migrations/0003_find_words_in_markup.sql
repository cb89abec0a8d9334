-- Postgres' parser takes <word> for markup, &word; for an entity and word/word for a file, and finds no words in them.
ALTER TABLE products DROP COLUMN words;

ALTER TABLE products ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', translate(name, '<>&/@', '     ')), 'A')
    || setweight(to_tsvector('simple', translate(category, '-', ' ')), 'B')
    || setweight(to_tsvector('simple', translate(description, '<>&/@', '     ')), 'C')
) STORED;

CREATE INDEX products_words ON products USING gin (words);
