SELECT guard('notes', 'owner_id');

-- Notes are forgotten part by part, and a part may hold a page without the pages below it.
ALTER TABLE notes
    DROP CONSTRAINT notes_owner_id_parent_id_fkey,
    ADD FOREIGN KEY (owner_id, parent_id) REFERENCES notes (owner_id, id) ON DELETE SET NULL (parent_id);

-- The newest first: most pages are younger than the one above them, which then has none left.
CREATE OR REPLACE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH part AS (
        SELECT id FROM notes WHERE owner_id = ANY(people) ORDER BY id DESC LIMIT most
    ), deleted AS (
        DELETE FROM notes USING part WHERE notes.id = part.id RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;
