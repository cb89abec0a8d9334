-- What was asked for; what came of it is in the transactions domain's ledger.
CREATE TABLE transactions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id),
    amount_cents bigint      NOT NULL,
    currency     text        NOT NULL,
    description  text        NOT NULL,
    created_at   timestamptz NOT NULL
);

CREATE INDEX transactions_of_user ON transactions (user_id);

REVOKE UPDATE, DELETE ON transactions FROM :app;
