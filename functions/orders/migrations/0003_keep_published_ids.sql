-- The id under which the event was announced, so that a replay from here is the event that consumers know. Null in rows
-- from before this column.
ALTER TABLE order_events ADD COLUMN event_id uuid;
