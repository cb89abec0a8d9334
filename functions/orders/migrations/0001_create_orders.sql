-- What happened to each order, for ever. The key is also what lets only one of two simultaneous changes through.
CREATE TABLE order_events (
    order_id       uuid        NOT NULL,
    version        integer     NOT NULL CHECK (version > 0),
    type           text        NOT NULL,
    schema_version smallint    NOT NULL,
    data           jsonb       NOT NULL,
    -- The id of the event or the request that led to it.
    causation      text        NOT NULL,
    -- The time of the row, not of the transaction: a later version is never the earlier one.
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, version)
);

-- A cache of long histories: any row may be deleted at any time. digest: of order, version and state.
CREATE TABLE order_snapshots (
    order_id       uuid     PRIMARY KEY,
    version        integer  NOT NULL,
    schema_version smallint NOT NULL,
    state          text     NOT NULL,
    digest         bytea    NOT NULL
);

-- The orders as lists show them: follows from order_events, and rebuild_order_list makes it anew.
CREATE TABLE order_list (
    order_id    uuid        PRIMARY KEY,
    customer_id uuid,
    status      text        NOT NULL,
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    version     integer     NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- A customer's newest first, page by page: of all, and of one status.
CREATE INDEX order_list_newest ON order_list (customer_id, created_at DESC, order_id DESC)
    WHERE customer_id IS NOT NULL;
CREATE INDEX order_list_newest_of_status ON order_list (customer_id, status, created_at DESC, order_id DESC)
    WHERE customer_id IS NOT NULL;

-- The tokens with which guests read their orders, as SHA-256.
CREATE TABLE order_tokens (
    order_id   uuid  PRIMARY KEY,
    token_hash bytea NOT NULL
);

-- What the catalog sells, as its events tell. A deleted product stays, without a price, so that an event that comes
-- late does not bring it back.
CREATE TABLE products (
    product_id  uuid    PRIMARY KEY,
    version     integer NOT NULL,
    name        text,
    price_cents bigint,
    currency    text,
    stock       bigint
);

-- What happened stays as it was told.
REVOKE UPDATE, DELETE ON order_events FROM :app;
REVOKE UPDATE, DELETE ON order_tokens FROM :app;
REVOKE DELETE ON products FROM :app;
REVOKE ALL ON order_tokens FROM :ro;
