CREATE TABLE outbox (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic         text        NOT NULL,
    key           bytea,
    headers       json        NOT NULL DEFAULT '[]',
    value         bytea,
    aggregate     text        NOT NULL,
    bucket        integer     NOT NULL GENERATED ALWAYS AS (hashtext(aggregate) & 15) STORED,
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    parked_at     timestamptz,
    parked_reason text
);

-- As small as the backlog, however many published rows are kept.
CREATE INDEX outbox_unpublished ON outbox (bucket, id) WHERE published_at IS NULL AND parked_at IS NULL;

CREATE INDEX outbox_parked ON outbox (id) WHERE parked_at IS NOT NULL;

-- For deleting by age: rows are published in about the order of their ids, but only about.
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();

-- The relay may not delete rows: only this function may, and it deletes none that is unpublished or young.
CREATE FUNCTION prune_outbox(retention interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH old AS (
        SELECT id FROM outbox
        WHERE published_at < now() - greatest(retention, interval '1 day')
        ORDER BY published_at LIMIT 10000
    ), deleted AS (
        DELETE FROM outbox USING old WHERE outbox.id = old.id RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

REVOKE ALL ON outbox FROM :app, :ro;
GRANT SELECT, INSERT ON outbox TO :app;
GRANT SELECT ON outbox TO :relay, :ro;
GRANT UPDATE (published_at, parked_at, parked_reason) ON outbox TO :relay;
GRANT EXECUTE ON FUNCTION notify_outbox() TO :app;
GRANT EXECUTE ON FUNCTION prune_outbox(interval) TO :relay;
