"""Payments: each order is charged once by Stripe, and what was paid for a cancelled one is given back."""
