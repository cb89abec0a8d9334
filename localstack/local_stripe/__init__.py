"""localstripe, and what it lacks of Stripe: idempotency keys, card errors, redelivered webhooks, kept state.

Stripe: "Idempotent requests", "Error codes", "Testing" (test cards), "Receive Stripe events in your webhook endpoint".
"""
