-- Without a sorting, the planner takes a third of the table to be old, and reads all of it in search of a few rows. And
-- a block-range index knows no old rows any more once new ones have taken the space of deleted ones.
CREATE INDEX inbox_in_order ON inbox (handled_at);
DROP INDEX inbox_handled;

CREATE OR REPLACE FUNCTION prune_inbox(retention interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH old AS (
        SELECT consumer, event_id FROM inbox
        WHERE handled_at < now() - greatest(retention, interval '14 days') ORDER BY handled_at LIMIT 10000
    ), deleted AS (
        DELETE FROM inbox USING old
        WHERE inbox.consumer = old.consumer AND inbox.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

CREATE OR REPLACE FUNCTION prune_idempotency_keys(retention interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH old AS (
        SELECT route, principal, key_hash FROM idempotency_keys
        WHERE created_at < now() - greatest(retention, interval '1 day') ORDER BY created_at LIMIT 10000
    ), deleted AS (
        DELETE FROM idempotency_keys AS kept USING old
        WHERE (kept.route, kept.principal, kept.key_hash) = (old.route, old.principal, old.key_hash) RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

-- Of the rows, as many are deleted in a day as one day of the retention has. A fiftieth of dead rows is vacuumed, where
-- the default is a fifth: the space is used again before the tables grow for want of it.
ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);
