-- An order of items is charged once the catalog has reserved its pieces.
ALTER TABLE payments
    ADD COLUMN reserves_stock boolean NOT NULL DEFAULT false,
    ADD COLUMN stock          text    CHECK (stock IN ('reserved', 'refused', 'released')),
    ADD COLUMN stock_reason   text;

-- What the catalog told of an order's pieces; the order may be heard of later. stock: NULL = nothing yet.
CREATE TABLE stock_answers (
    order_id uuid PRIMARY KEY,
    stock    text CHECK (stock IN ('reserved', 'refused', 'released')),
    reason   text
);

-- Whether an order reserves is said once, by the order.
GRANT UPDATE (stock, stock_reason) ON payments TO :app;
GRANT SELECT (reserves_stock, stock, stock_reason) ON payments TO :ro;
REVOKE UPDATE, DELETE ON stock_answers FROM :app;
GRANT UPDATE (stock, reason) ON stock_answers TO :app;
