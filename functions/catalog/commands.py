"""What the catalog can be told to do by operators and schedules."""

from msgspec import Struct


class RebuildIndex(Struct, frozen=True, forbid_unknown_fields=True):
    """Rebuild the search index from the database."""


class ReleaseExpiredHolds(Struct, frozen=True, forbid_unknown_fields=True):
    """Release the holds of orders that were not paid in time."""
