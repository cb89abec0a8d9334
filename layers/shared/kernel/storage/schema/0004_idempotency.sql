CREATE TABLE idempotency_keys (
    route       text        NOT NULL,
    principal   text        NOT NULL,
    key_hash    bytea       NOT NULL,
    fingerprint bytea       NOT NULL,
    status      integer,
    headers     json,
    body        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (route, principal, key_hash)
);

-- Rows arrive in the order of time, so a block-range index of a few pages finds the old ones.
CREATE INDEX idempotency_keys_created ON idempotency_keys USING brin (created_at);

-- A key that is forgotten while its client still repeats the request would be done twice: hence the minimum.
CREATE FUNCTION prune_idempotency_keys(retention interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH old AS (
        SELECT route, principal, key_hash FROM idempotency_keys
        WHERE created_at < now() - greatest(retention, interval '1 day') LIMIT 10000
    ), deleted AS (
        DELETE FROM idempotency_keys AS kept USING old
        WHERE (kept.route, kept.principal, kept.key_hash) = (old.route, old.principal, old.key_hash) RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

REVOKE ALL ON idempotency_keys FROM :app, :ro;
GRANT SELECT, INSERT ON idempotency_keys TO :app;
GRANT UPDATE (status, headers, body) ON idempotency_keys TO :app;
GRANT EXECUTE ON FUNCTION prune_idempotency_keys(interval) TO :relay;
