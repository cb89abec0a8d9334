"""What the payments domain can be told to do."""

from msgspec import Struct


class ReconcilePayments(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask Stripe about payments that are not settled, and move them on."""
