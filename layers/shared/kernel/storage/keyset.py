"""Keyset paging: where a list begins that shows the newest first."""

from uuid import UUID

GREATEST_ID = UUID(int=(1 << 128) - 1)
# A creation time and an id that come after those of every row.
NEWEST = ("infinity", GREATEST_ID)
