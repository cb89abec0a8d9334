-- At how many failures the breaker opens: a setting of the function that counted last, for readers without it.
-- Null in a row from before this column.
ALTER TABLE breakers ADD COLUMN threshold integer;

-- Close the breaker of *of_consumer*, so that as many records again are dead-lettered. Returns the failures that it had
-- counted, or null if it has never counted any. What an operator does: a success does it by itself.
CREATE FUNCTION reset_breaker(of_consumer text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted integer;
BEGIN
    SELECT failures INTO counted FROM breakers WHERE consumer = of_consumer FOR UPDATE;
    UPDATE breakers SET failures = 0 WHERE consumer = of_consumer AND failures > 0;
    RETURN counted;
END
$$;

GRANT UPDATE (threshold) ON breakers TO :app;
GRANT SELECT ON breakers TO :relay;
GRANT EXECUTE ON FUNCTION reset_breaker(text) TO :relay;
