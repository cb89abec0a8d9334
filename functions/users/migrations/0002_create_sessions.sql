-- One row for each log-in: the family of refresh tokens of which only the last one is good.
CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX sessions_of_user ON sessions (user_id, expires_at);

REVOKE ALL ON sessions FROM :ro;
