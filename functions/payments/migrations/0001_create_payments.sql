-- One payment per order. The amount is in the currency's minor unit. What is known only grows: money and cancelled
-- move forward, an intent stays the one it is. No card data: Stripe has it, we have its names.
CREATE TABLE payments (
    order_id       uuid        PRIMARY KEY,
    customer_id    uuid,
    amount         bigint      NOT NULL,
    currency       text,
    payment_method text,
    intent_id      text        UNIQUE,
    client_secret  text,
    money          text        NOT NULL CHECK (money IN ('open', 'ended', 'taken', 'returned')),
    cancelled      boolean     NOT NULL,
    failure_reason text,
    waiting_for    text        CHECK (waiting_for IN ('requires_payment_method', 'requires_action', 'processing')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    checked_at     timestamptz NOT NULL DEFAULT now()
);

-- As small as what is not settled, however many payments there were.
CREATE INDEX payments_unsettled ON payments (checked_at) WHERE money = 'open' OR (money = 'taken' AND cancelled);

-- What an order costs and who pays is said once; the client secret, with which a payment can be confirmed, is for the
-- application alone.
REVOKE ALL ON payments FROM :app, :ro;
GRANT SELECT, INSERT ON payments TO :app;
GRANT UPDATE (currency, intent_id, client_secret, money, cancelled, failure_reason, waiting_for, checked_at)
    ON payments TO :app;
GRANT SELECT (order_id, customer_id, amount, currency, intent_id, money, cancelled, failure_reason, waiting_for,
    created_at, checked_at) ON payments TO :ro;
