-- Delete an account with its sessions and requests, and set its tombstone.
CREATE FUNCTION delete_account(account uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- First of all, as a request holds this lock before it locks an account.
    PERFORM bury(ARRAY[account]);
    PERFORM forget_answers(ARRAY[account], NULL);
    DELETE FROM transactions WHERE user_id = account;
    DELETE FROM users WHERE id = account;
END
$$;

GRANT EXECUTE ON FUNCTION delete_account(uuid) TO :app;
