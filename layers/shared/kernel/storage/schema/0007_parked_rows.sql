-- What an operator decides about parked rows, on the relay's connection. All of the rows or none: a row that is not
-- parked refuses the call with MR409, and its message names the ids.
CREATE FUNCTION lock_parked(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    others bigint[];
BEGIN
    PERFORM FROM outbox WHERE id = ANY(ids) AND parked_at IS NOT NULL AND published_at IS NULL ORDER BY id FOR UPDATE;
    SELECT array_agg(DISTINCT each ORDER BY each) INTO others FROM unnest(ids) AS each
    WHERE NOT EXISTS (SELECT FROM outbox WHERE id = each AND parked_at IS NOT NULL AND published_at IS NULL);
    IF others IS NOT NULL THEN
        RAISE EXCEPTION 'not parked: %', array_to_string(others, ', ') USING ERRCODE = 'MR409',
            HINT = 'Nothing was changed. List the parked rows again, and leave these out.';
    END IF;
END
$$;

-- Let the relay publish the rows again, in the order of their ids; return how many.
CREATE FUNCTION retry_parked(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM lock_parked(ids);
    UPDATE outbox SET parked_at = NULL, parked_reason = NULL WHERE id = ANY(ids) AND published_at IS NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    PERFORM pg_notify('outbox', '');
    RETURN changed;
END
$$;

-- Delete the rows for good; return them as they were, in the order of their ids.
CREATE FUNCTION discard_parked_rows(ids bigint[]) RETURNS TABLE (
    id bigint, topic text, key bytea, headers json, value bytea, aggregate text, created_at timestamptz,
    parked_at timestamptz, parked_reason text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM lock_parked(ids);
    RETURN QUERY WITH discarded AS (
        DELETE FROM outbox AS own WHERE own.id = ANY(ids) AND own.published_at IS NULL
        RETURNING own.id, own.topic, own.key, own.headers, own.value, own.aggregate, own.created_at, own.parked_at,
            own.parked_reason
    ) SELECT * FROM discarded ORDER BY discarded.id;
END
$$;

GRANT EXECUTE ON FUNCTION retry_parked(bigint[]), discard_parked_rows(bigint[]) TO :relay;
