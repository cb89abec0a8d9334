SELECT guard('blogs', 'author_id');

-- Delete up to *most* posts of the people; return them, so that others can be told.
CREATE FUNCTION forget_blogs(people uuid[], most integer) RETURNS TABLE (blog_id uuid, author uuid, published boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH part AS (SELECT id FROM blogs WHERE author_id = ANY(people) LIMIT most)
    DELETE FROM blogs USING part WHERE blogs.id = part.id RETURNING blogs.id, author_id, status = 'published'
$$;

GRANT EXECUTE ON FUNCTION forget_blogs(uuid[], integer) TO :app;
