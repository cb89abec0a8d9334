-- When the profile with this address was changed: an event that arrives late must not bring an older address back.
-- Null: an event of an older release did not say it.
ALTER TABLE recipients ADD COLUMN updated_at timestamptz;
