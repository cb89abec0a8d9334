-- What became of the pieces of each order: held, then sold or released, and nothing after that.
CREATE TABLE holds (
    order_id   uuid        PRIMARY KEY,
    state      text        NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'sold', 'released')),
    -- Why they were released, or refused at once.
    reason     text        CHECK ((reason IS NOT NULL) = (state = 'released')),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz CHECK ((ended_at IS NULL) = (state = 'held'))
);

-- The pieces that an order has held, and what it has them of. Of an order that was refused there are none.
CREATE TABLE hold_items (
    order_id   uuid    NOT NULL REFERENCES holds,
    product_id uuid    NOT NULL,
    quantity   integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
);

-- As small as what is held, however many orders there were.
CREATE INDEX holds_held ON holds (created_at) WHERE state = 'held';

CREATE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state <> 'held' THEN
        RAISE check_violation USING MESSAGE = 'A hold begins as held.';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state <> 'held' THEN
        RAISE check_violation USING MESSAGE = 'A hold that has ended stays as it is.';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER holds_never_go_back BEFORE INSERT OR UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION check_hold();

REVOKE UPDATE, DELETE ON holds, hold_items FROM :app;
GRANT UPDATE (state, reason, ended_at) ON holds TO :app;
