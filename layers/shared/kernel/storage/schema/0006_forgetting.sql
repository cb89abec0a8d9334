-- Whose account was deleted. A row is a tombstone: it stays, so that no late or replayed event brings the person back.
-- swept_until: up to when published records and kept answers were searched for the person; null once all of them were.
CREATE TABLE forgotten (
    person       text        PRIMARY KEY,
    forgotten_at timestamptz NOT NULL DEFAULT now(),
    swept_until  timestamptz DEFAULT '-infinity'
);

-- As small as what is yet to be swept, however many people were forgotten.
CREATE INDEX forgotten_unswept ON forgotten (swept_until) WHERE swept_until IS NOT NULL;

CREATE INDEX idempotency_keys_of_principal ON idempotency_keys (principal) WHERE principal <> '';

-- The sweep takes kept answers in their order: for that a block-range index is of no use.
CREATE INDEX idempotency_keys_in_order ON idempotency_keys (created_at);
DROP INDEX idempotency_keys_created;

-- Those of *people* who were forgotten. Until the caller's transaction ends, nobody else of them can be: what it
-- writes about the others is committed before `bury` is, and `forget_people` sees it.
CREATE FUNCTION forgotten_among(people text[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1718579815, 0);
    RETURN QUERY SELECT person FROM forgotten WHERE person = ANY(people);
END
$$;

-- Refuse new rows of *target* about people who were forgotten. *person*: an expression over a row that gives their id.
CREATE FUNCTION guard(target regclass, person text) RETURNS void LANGUAGE plpgsql AS $guard$
DECLARE
    name text := 'guard_' || (SELECT relname FROM pg_class WHERE oid = target);
BEGIN
    EXECUTE format($create$
        CREATE FUNCTION %1$I() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $body$
        BEGIN
            -- A statement of its own: the next one sees what was committed before the lock was granted.
            PERFORM pg_advisory_xact_lock_shared(1718579815, 0);
            IF EXISTS (SELECT FROM added JOIN forgotten ON forgotten.person = (%2$s)::text) THEN
                RAISE EXCEPTION 'the person was forgotten' USING ERRCODE = 'MR410';
            END IF;
            RETURN NULL;
        END
        $body$;
        CREATE TRIGGER %1$I AFTER INSERT ON %3$s
            REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION %1$I();
    $create$, name, person, target);
END
$guard$;

SELECT guard('idempotency_keys', 'principal');

-- Set the tombstones, before anything is deleted. Waits for the transactions that write about people.
CREATE FUNCTION bury(people uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM forgotten WHERE person = ANY(people::text[]))
        = (SELECT count(DISTINCT each) FROM unnest(people) AS each) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(1718579815, 0);
    INSERT INTO forgotten (person) SELECT DISTINCT each::text FROM unnest(people) AS each ORDER BY 1
    ON CONFLICT DO NOTHING;
END
$$;

-- Delete up to *most* of the answers that are kept for the people's own requests; return how many.
CREATE FUNCTION forget_answers(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH own AS (
        SELECT route, principal, key_hash FROM idempotency_keys
        WHERE principal <> '' AND principal = ANY(people::text[]) LIMIT most
    ), deleted AS (
        DELETE FROM idempotency_keys AS kept USING own
        WHERE (kept.route, kept.principal, kept.key_hash) = (own.route, own.principal, own.key_hash) RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;

-- Forget up to *most* rows about the people; return how many, 0 = there are no more. A domain replaces it by its own.
CREATE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT 0::bigint
$$;

CREATE FUNCTION names_forgotten(content text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM regexp_matches(content, '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'gi') AS found
        JOIN forgotten ON person = lower(found[1])
    )
$$;

-- Delete published records and kept answers that name forgotten people: about *most* rows a call, 2 MB, or one batch
-- of a relay, in the order of time. Returns whether there is more to do now.
--
-- What was not published when the person was forgotten is published later, and found then by its later time. *settling*
-- is longer than any transaction that publishes or answers: what is older than that is all there. A person is done
-- when nothing that is yet to be swept is as old as their tombstone.
CREATE FUNCTION sweep_forgotten(settling interval, most integer) RETURNS boolean
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
        FROM outbox WHERE published_at > start AND published_at <= horizon
        WINDOW place AS (ORDER BY published_at ROWS UNBOUNDED PRECEDING) ORDER BY published_at LIMIT most
    ) AS record WHERE number = most OR bytes > 2000000 ORDER BY number LIMIT 1;
    finish := coalesce(finish, horizon);
    finish := least(finish, (
        SELECT created_at FROM idempotency_keys
        WHERE created_at > start AND created_at <= finish ORDER BY created_at OFFSET most - 1 LIMIT 1
    ));

    DELETE FROM outbox WHERE published_at > start AND published_at <= finish AND names_forgotten(
        concat(headers, ' ', encode(key, 'escape'), ' ', encode(value, 'escape'))
    );
    DELETE FROM outbox WHERE parked_at IS NOT NULL AND names_forgotten(
        concat(headers, ' ', encode(key, 'escape'), ' ', encode(value, 'escape'))
    );
    DELETE FROM idempotency_keys WHERE created_at > start AND created_at <= finish AND names_forgotten(
        concat(principal, ' ', headers, ' ', body)
    );
    IF finish = horizon THEN
        SELECT min(created_at) INTO waiting FROM outbox
        WHERE published_at > finish OR (published_at IS NULL AND parked_at IS NULL);
    END IF;
    UPDATE forgotten SET swept_until = CASE
        WHEN finish < horizon OR forgotten_at >= finish - settling OR waiting <= forgotten_at + settling THEN finish
    END
    WHERE swept_until >= start AND swept_until < finish;
    RETURN finish < horizon;
END
$$;

REVOKE ALL ON forgotten FROM :app, :ro;
GRANT SELECT ON forgotten TO :app, :ro;
GRANT EXECUTE ON FUNCTION forgotten_among(text[]), bury(uuid[]), forget_answers(uuid[], integer),
    forget_people(uuid[], integer) TO :app;
GRANT EXECUTE ON FUNCTION sweep_forgotten(interval, integer) TO :relay;
