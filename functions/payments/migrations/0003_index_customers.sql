-- transaction: none
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_of_customer ON payments (customer_id) WHERE customer_id IS NOT NULL;
