CREATE TABLE products (
    id          uuid        PRIMARY KEY,
    name        text        NOT NULL,
    description text        NOT NULL,
    category    text        NOT NULL,
    price_cents bigint      NOT NULL CHECK (price_cents >= 0),
    currency    text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    stock       integer     NOT NULL CHECK (stock >= 0),
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    -- Searched while OpenSearch cannot be.
    words       tsvector    NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', name), 'A')
        || setweight(to_tsvector('simple', translate(category, '-', ' ')), 'B')
        || setweight(to_tsvector('simple', description), 'C')
    ) STORED
);

-- Ids are made in the order of time: the newest of a category, page by page.
CREATE INDEX products_of_category ON products (category, id DESC);
CREATE INDEX products_words ON products USING gin (words);
