CREATE TABLE inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Rows arrive in the order of time, so a block-range index of a few pages finds the old ones.
CREATE INDEX inbox_handled ON inbox USING brin (handled_at);

-- An id that is forgotten while its record can still be delivered again would be applied twice: hence the minimum.
CREATE FUNCTION prune_inbox(retention interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH old AS (
        SELECT consumer, event_id FROM inbox
        WHERE handled_at < now() - greatest(retention, interval '14 days') LIMIT 10000
    ), deleted AS (
        DELETE FROM inbox USING old
        WHERE inbox.consumer = old.consumer AND inbox.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

REVOKE ALL ON inbox FROM :app, :ro;
GRANT SELECT, INSERT ON inbox TO :app;
GRANT SELECT ON inbox TO :ro;
GRANT EXECUTE ON FUNCTION prune_inbox(interval) TO :relay;
