-- The ledger keeps its amounts. Without a guard: what comes late is booked, and its description left out.
CREATE OR REPLACE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH part AS (
        SELECT id FROM entries WHERE user_id = ANY(people) AND description <> '' LIMIT most
    ), blanked AS (
        UPDATE entries SET description = '' FROM part WHERE entries.id = part.id RETURNING 1
    )
    SELECT count(*) FROM blanked
$$;
