-- A log-in or a change that verified an older password must not go on. Another hash of the same password is no change.
ALTER TABLE users ADD COLUMN password_changed_at timestamptz NOT NULL DEFAULT now();
UPDATE users SET password_changed_at = created_at;

GRANT UPDATE (password_changed_at) ON users TO :app;
GRANT SELECT (password_changed_at) ON users TO :ro;

-- previous_hash: of the token that the current one replaced, at rotated_at.
-- family_key: tells the session's own tokens, also the oldest, from what somebody made up. Sessions from before have none.
ALTER TABLE sessions
    ADD COLUMN previous_hash bytea,
    ADD COLUMN rotated_at    timestamptz,
    ADD COLUMN family_key    bytea;
