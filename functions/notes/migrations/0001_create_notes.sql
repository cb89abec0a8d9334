CREATE TABLE notes (
    id         uuid        PRIMARY KEY,
    owner_id   uuid        NOT NULL,
    parent_id  uuid,
    title      text        NOT NULL,
    content    text        NOT NULL,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Without a language's stemming, because notes are written in any; searched by the beginnings of words instead.
    words      tsvector    NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', content), 'B')
    ) STORED,
    CHECK (parent_id <> id),
    -- Also the index of one owner's notes by age.
    UNIQUE (owner_id, id),
    -- A parent is a note of the same owner.
    FOREIGN KEY (owner_id, parent_id) REFERENCES notes (owner_id, id)
);

CREATE INDEX notes_children ON notes (owner_id, parent_id, id);
CREATE INDEX notes_words ON notes USING gin (words);
