CREATE TABLE blogs (
    id           uuid        PRIMARY KEY,
    author_id    uuid        NOT NULL,
    title        text        NOT NULL,
    content      text        NOT NULL,
    status       text        NOT NULL CHECK (status IN ('draft', 'published')),
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    CHECK ((status = 'published') = (published_at IS NOT NULL))
);

-- The newest first, page by page: of everybody, and of one author.
CREATE INDEX blogs_newest ON blogs (status, coalesce(published_at, created_at) DESC, id DESC);
CREATE INDEX blogs_newest_of_author ON blogs (author_id, status, coalesce(published_at, created_at) DESC, id DESC);
