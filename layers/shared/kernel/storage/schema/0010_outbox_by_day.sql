-- Published rows are kept by the day of their publication (UTC), so that a day goes by DROP TABLE:
--
--   outbox                  the name that everybody reads and writes
--   ├─ outbox_waiting       what is to be published, and parked rows: as small as the backlog
--   └─ outbox_published
--      ├─ outbox_20261127   what was published on that day; the first one may have what is older as well
--      └─ outbox_other      what was published on a day without a table of its own; usually empty
--
-- The relay's UPDATE of published_at moves a row from the one to the other. A query with `published_at IS NULL` reads,
-- and locks, outbox_waiting alone. Neither a new day nor the end of one locks outbox or outbox_waiting.
SET LOCAL timezone TO 'UTC';
LOCK TABLE outbox;
DROP TRIGGER outbox_notify ON outbox;
DROP INDEX outbox_unpublished, outbox_parked;
ALTER INDEX outbox_pkey RENAME TO outbox_before_pkey;
ALTER INDEX outbox_published RENAME TO outbox_before_published;
ALTER TABLE outbox RENAME TO outbox_before;
ALTER SEQUENCE outbox_id_seq RENAME TO outbox_before_id_seq;

CREATE TABLE outbox (
    id            bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
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
) PARTITION BY LIST ((published_at IS NULL));

-- Each row is deleted here soon after it was inserted: vacuum by number, not by a share of a table that is often empty.
CREATE TABLE outbox_waiting PARTITION OF outbox FOR VALUES IN (true)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
-- No index has the id alone: the planner would take it, and read all buckets in search of one, when it knows the table
-- from a moment in which it was empty.
CREATE UNIQUE INDEX outbox_unpublished ON outbox_waiting (bucket, id) WHERE parked_at IS NULL;
CREATE UNIQUE INDEX outbox_parked ON outbox_waiting (id) WHERE parked_at IS NOT NULL;

CREATE TABLE outbox_published PARTITION OF outbox FOR VALUES IN (false) PARTITION BY RANGE (published_at);
-- With the condition that the former index has, which is one of this index then.
CREATE INDEX outbox_published_at ON outbox_published (published_at) WHERE published_at IS NOT NULL;
CREATE TABLE outbox_other PARTITION OF outbox_published (PRIMARY KEY (id)) DEFAULT;

-- Make the tables of today and of the *ahead* days that follow. Those before the last one that exists stay as they are.
CREATE FUNCTION extend_outbox(ahead integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    last date := (
        SELECT max(right(relname, 8))::date FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'outbox_published'::regclass AND relname ~ '^outbox_\d{8}$'
    );
    day date;
    name text;
BEGIN
    FOR day IN SELECT generate_series(greatest(last + 1, current_date), current_date + ahead, '1 day')::date LOOP
        name := 'outbox_' || to_char(day, 'YYYYMMDD');
        EXECUTE format('CREATE TABLE public.%I (LIKE outbox_published INCLUDING DEFAULTS INCLUDING GENERATED, PRIMARY KEY (id))', name);
        -- Tables that the owner makes are the application's by default.
        EXECUTE format('REVOKE ALL ON %I FROM :app, :ro', name);
        IF EXISTS (SELECT FROM outbox_other WHERE published_at >= day AND published_at < day + 1) THEN
            LOCK TABLE outbox_published IN SHARE UPDATE EXCLUSIVE MODE;
            LOCK TABLE outbox_other IN ACCESS EXCLUSIVE MODE;
            EXECUTE format($move$
                WITH moved AS (DELETE FROM outbox_other WHERE published_at >= %2$L AND published_at < %3$L RETURNING *)
                INSERT INTO %1$I (id, topic, key, headers, value, aggregate, created_at, published_at, parked_at, parked_reason)
                SELECT id, topic, key, headers, value, aggregate, created_at, published_at, parked_at, parked_reason FROM moved
            $move$, name, day::timestamptz, (day + 1)::timestamptz);
        END IF;
        EXECUTE format(
            'ALTER TABLE outbox_published ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, day::timestamptz, (day + 1)::timestamptz
        );
    END LOOP;
END
$$;

-- Make the tables of the next days, and drop those of days that ended longer ago than *retention*. Returns how many
-- were dropped. Waits for a lock for a moment only, and leaves to the next call what it did not get.
CREATE OR REPLACE FUNCTION prune_outbox(retention interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC'
SET lock_timeout = '50ms' AS $$
DECLARE
    oldest timestamptz := now() - greatest(retention, interval '1 day');
    dropped bigint := 0;
    name text;
BEGIN
    -- Behind the relay's buckets, which are 0 to 15.
    IF NOT pg_try_advisory_xact_lock(1869968482, 16) THEN
        RETURN 0;
    END IF;
    BEGIN
        PERFORM extend_outbox(3);
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    DELETE FROM outbox_other WHERE id IN (SELECT id FROM outbox_other WHERE published_at < oldest LIMIT 10000);
    BEGIN
        FOR name IN
            SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            WHERE inhparent = 'outbox_published'::regclass AND relname ~ '^outbox_\d{8}$'
                AND right(relname, 8)::date + 1 <= oldest
            ORDER BY relname LIMIT 10
        LOOP
            EXECUTE format('DROP TABLE %I', name);
            dropped := dropped + 1;
        END LOOP;
    EXCEPTION WHEN lock_not_available THEN
        dropped := 0;
    END;
    RETURN dropped;
END
$$;

-- The rows that there are. Those that are published stay where they are, in the table of the last day of theirs.
DO $$
DECLARE
    last timestamptz;
    next bigint;
BEGIN
    SELECT last_value + is_called::integer INTO next FROM outbox_before_id_seq;
    ALTER TABLE outbox_before ALTER COLUMN id DROP IDENTITY;
    PERFORM setval('outbox_id_seq', next, false);

    INSERT INTO outbox (id, topic, key, headers, value, aggregate, created_at, parked_at, parked_reason)
        OVERRIDING SYSTEM VALUE
        SELECT id, topic, key, headers, value, aggregate, created_at, parked_at, parked_reason FROM outbox_before
        WHERE published_at IS NULL ORDER BY id;
    DELETE FROM outbox_before WHERE published_at IS NULL;

    SELECT greatest(max(published_at), now()) INTO last FROM outbox_before HAVING max(published_at) IS NOT NULL;
    IF last IS NULL THEN
        DROP TABLE outbox_before;
    ELSE
        EXECUTE format(
            'ALTER TABLE outbox_published ATTACH PARTITION outbox_before FOR VALUES FROM (MINVALUE) TO (%L)',
            date_trunc('day', last, 'UTC') + interval '1 day'
        );
        EXECUTE format('ALTER TABLE outbox_before RENAME TO %I', 'outbox_' || to_char(last AT TIME ZONE 'UTC', 'YYYYMMDD'));
    END IF;
END
$$;
SELECT extend_outbox(3);

CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();

DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT relid FROM pg_partition_tree('outbox') LOOP
        EXECUTE format('REVOKE ALL ON %s FROM :app, :relay, :ro', part);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON outbox TO :app;
GRANT SELECT ON outbox TO :relay, :ro;
GRANT UPDATE (published_at, parked_at, parked_reason) ON outbox TO :relay;

-- As in 0006_forgetting.sql, by the tables that have the rows.
CREATE OR REPLACE FUNCTION sweep_forgotten(settling interval, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    horizon timestamptz := now() - settling;
    start timestamptz;
    finish timestamptz;
    waiting timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1718579815, 1) THEN
        RETURN false;
    END IF;
    -- Any of them, so that new tombstones, which begin at the beginning, hold up none that has come further.
    SELECT swept_until INTO start FROM forgotten
    WHERE swept_until < horizon - settling / 2 ORDER BY random() LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT published_at INTO finish FROM (
        SELECT published_at, row_number() OVER place AS number, sum(octet_length(value)) OVER place AS bytes
        FROM outbox_published WHERE published_at > start AND published_at <= horizon
        WINDOW place AS (ORDER BY published_at ROWS UNBOUNDED PRECEDING) ORDER BY published_at LIMIT most
    ) AS record WHERE number = most OR bytes > 2000000 ORDER BY number LIMIT 1;
    finish := coalesce(finish, horizon);
    finish := least(finish, (
        SELECT created_at FROM idempotency_keys
        WHERE created_at > start AND created_at <= finish ORDER BY created_at OFFSET most - 1 LIMIT 1
    ));

    DELETE FROM outbox_published WHERE published_at > start AND published_at <= finish AND names_forgotten(
        concat(headers, ' ', encode(key, 'escape'), ' ', encode(value, 'escape'))
    );
    DELETE FROM outbox_waiting WHERE parked_at IS NOT NULL AND names_forgotten(
        concat(headers, ' ', encode(key, 'escape'), ' ', encode(value, 'escape'))
    );
    DELETE FROM idempotency_keys WHERE created_at > start AND created_at <= finish AND names_forgotten(
        concat(principal, ' ', headers, ' ', body)
    );
    IF finish = horizon THEN
        waiting := least(
            (SELECT min(created_at) FROM outbox_published WHERE published_at > finish),
            (SELECT min(created_at) FROM outbox_waiting WHERE parked_at IS NULL)
        );
    END IF;
    UPDATE forgotten SET swept_until = CASE
        WHEN finish < horizon OR forgotten_at >= finish - settling OR waiting <= forgotten_at + settling THEN finish
    END
    WHERE swept_until >= start AND swept_until < finish;
    RETURN finish < horizon;
END
$$;
