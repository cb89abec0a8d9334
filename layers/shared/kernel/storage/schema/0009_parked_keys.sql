-- Records of ordered consumers that are not applied yet because a dead letter of their key, or they themselves, failed:
-- one row for each, by the place of its first original. The lowest place of a key is its head.
-- discarded_at: when an operator gave the record up. It is never applied then, also if it is still on its way.
-- key: null once it is discarded.
CREATE TABLE parked_records (
    scope            text        NOT NULL,
    key_hash         bytea       NOT NULL,
    record_partition integer     NOT NULL,
    record_offset    bigint      NOT NULL,
    key              bytea,
    parked_at        timestamptz NOT NULL DEFAULT now(),
    discarded_at     timestamptz,
    PRIMARY KEY (scope, key_hash, record_partition, record_offset)
);

CREATE FUNCTION parked_lock(of_scope text, of_partition integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(of_scope || ' ' || of_partition, 1885434475)
$$;

-- The rows of the keys, once no other transaction applies records of these partitions: two environments have the same
-- partition for a moment when it moves, and one could apply what the other has just parked.
CREATE FUNCTION lock_parked_keys(of_scope text, partitions integer[], hashes bytea[])
RETURNS TABLE (key_hash bytea, record_partition integer, record_offset bigint, is_discarded boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Statements of their own: the query sees what was committed before the locks were granted.
    PERFORM pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT parked_lock(of_scope, partition) AS lock FROM unnest(partitions) AS partition ORDER BY 1
    ) AS locks;
    RETURN QUERY SELECT parked.key_hash, parked.record_partition, parked.record_offset, discarded_at IS NOT NULL
    FROM parked_records AS parked WHERE scope = of_scope AND parked.key_hash = ANY(hashes);
END
$$;

-- Give up a parked record, which frees the next one of its key. Refuses a record that is not parked with MR409.
-- Records that were given up more than 400 days ago are forgotten: no archive can bring them back.
CREATE FUNCTION discard_parked(of_scope text, of_key bytea, of_partition integer, of_offset bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(parked_lock(of_scope, of_partition));
    UPDATE parked_records SET discarded_at = now(), key = NULL
    WHERE scope = of_scope AND key_hash = sha256(of_key) AND record_partition = of_partition
        AND record_offset = of_offset AND discarded_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'not parked: partition % offset % of %', of_partition, of_offset, of_scope
            USING ERRCODE = 'MR409', HINT = 'Nothing was changed. It was applied or discarded meanwhile: list again.';
    END IF;
    DELETE FROM parked_records WHERE discarded_at < now() - interval '400 days';
END
$$;

REVOKE ALL ON parked_records FROM :app;
GRANT SELECT, INSERT, DELETE ON parked_records TO :app;
GRANT SELECT ON parked_records TO :relay;
GRANT EXECUTE ON FUNCTION parked_lock(text, integer), lock_parked_keys(text, integer[], bytea[]) TO :app;
GRANT EXECUTE ON FUNCTION discard_parked(text, bytea, integer, bigint) TO :relay;
