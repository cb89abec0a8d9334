-- What was paid stays. What an open payment is charged to is needed until it is settled.
CREATE OR REPLACE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH part AS (
        SELECT order_id FROM payments
        WHERE customer_id = ANY(people) AND money <> 'open' AND num_nonnulls(payment_method, client_secret) > 0
        LIMIT most FOR UPDATE
    ), blanked AS (
        UPDATE payments SET payment_method = NULL, client_secret = NULL
        FROM part WHERE payments.order_id = part.order_id RETURNING 1
    )
    SELECT count(*) FROM blanked
$$;
