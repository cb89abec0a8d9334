"""localstripe with what Stripe has and localstripe lacks: idempotency keys, card errors, webhook retries, stored state.

Stripe: "Idempotent requests", "Error codes", "Testing" (test cards), "Receive Stripe events in your webhook endpoint".
"""
