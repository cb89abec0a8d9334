-- The ledger. Amounts are in the currency's minor unit; positive = in, negative = out.
CREATE TABLE entries (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL,
    amount_cents bigint      NOT NULL,
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    description  text        NOT NULL,
    created_at   timestamptz NOT NULL,
    booked_at    timestamptz NOT NULL DEFAULT now()
);

-- A user's newest first, page by page.
CREATE INDEX entries_newest ON entries (user_id, created_at DESC, id DESC);

-- What the entries of a user and currency add up to: changed by the statement that adds them, and by nothing else.
CREATE TABLE balances (
    user_id       uuid    NOT NULL,
    currency      text    NOT NULL,
    balance_cents bigint  NOT NULL,
    transactions  bigint  NOT NULL,
    PRIMARY KEY (user_id, currency)
);

-- What is booked stays booked: a mistake is mended by a further entry.
REVOKE UPDATE, DELETE ON entries FROM :app;
REVOKE DELETE ON balances FROM :app;
