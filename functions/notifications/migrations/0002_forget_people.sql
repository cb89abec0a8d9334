SELECT guard('notifications', 'user_id');
SELECT guard('recipients', 'user_id');

-- An e-mail that is just being queued goes with its notification.
ALTER TABLE emails
    DROP CONSTRAINT emails_notification_id_fkey,
    ADD FOREIGN KEY (notification_id) REFERENCES notifications ON DELETE CASCADE;

CREATE OR REPLACE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH part AS (
        SELECT id FROM notifications WHERE user_id = ANY(people) LIMIT most
    ), told AS (
        DELETE FROM notifications USING part WHERE notifications.id = part.id RETURNING 1
    ), addresses AS (
        DELETE FROM recipients WHERE user_id = ANY(people) RETURNING 1
    )
    SELECT (SELECT count(*) FROM told) + (SELECT count(*) FROM addresses)
$$;
