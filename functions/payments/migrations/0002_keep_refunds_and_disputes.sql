-- What goes back of a payment: refunds that may fail after they were made, and disputes. taken_*: what Stripe took, where it
-- said so. refunded: the most that its charge ever said was given back. version: how often others were told of it.
-- refund_due: the money is to be given back, and nothing forbids to ask Stripe for it.
ALTER TABLE payments
    ADD COLUMN taken_amount   bigint,
    ADD COLUMN taken_currency text,
    ADD COLUMN refunded       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN refunds        jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN disputes       jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN version        integer NOT NULL DEFAULT 0,
    ADD COLUMN refund_due     boolean NOT NULL DEFAULT false;

UPDATE payments SET refunded = amount WHERE money = 'returned';
UPDATE payments SET refund_due = true WHERE money = 'taken' AND cancelled;

-- As small as what is not settled, however many payments there were.
DROP INDEX payments_unsettled;
CREATE INDEX payments_unsettled ON payments (checked_at) WHERE money = 'open' OR refund_due;

GRANT UPDATE (taken_amount, taken_currency, refunded, refunds, disputes, version, refund_due) ON payments TO :app;
GRANT SELECT (taken_amount, taken_currency, refunded, refunds, disputes, version, refund_due) ON payments TO :ro;
