"""Payments: each order is charged once by Stripe, and the money of a cancelled one is given back."""
