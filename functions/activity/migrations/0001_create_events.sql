CREATE TABLE events (
    id         uuid      PRIMARY KEY,
    user_id    text      NOT NULL,
    event_type text      NOT NULL,
    payload    jsonb,
    created_at timestamp DEFAULT current_timestamp
);

-- The newest first, page by page.
CREATE INDEX events_newest ON events (created_at DESC, id DESC);
