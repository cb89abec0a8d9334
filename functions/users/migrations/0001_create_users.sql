CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    username      text        NOT NULL,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    scopes        text[]      NOT NULL DEFAULT '{user}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- Scopes are given by an operator, and no report shows a password's hash.
REVOKE ALL ON users FROM :app, :ro;
GRANT SELECT ON users TO :app;
GRANT INSERT (id, username, email, password_hash) ON users TO :app;
GRANT UPDATE (username, email, password_hash, updated_at) ON users TO :app;
GRANT SELECT (id, username, email, scopes, created_at, updated_at) ON users TO :ro;
