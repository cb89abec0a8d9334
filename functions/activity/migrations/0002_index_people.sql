-- transaction: none
-- Of those alone whose id can be an account's.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_of_person ON events (lower(user_id)) WHERE length(user_id) = 36;
