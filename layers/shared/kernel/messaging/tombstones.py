"""Tombstones of forgotten people, for code that writes about people. `kernel.messaging.forgetting` sets them."""

from collections.abc import Iterable
from uuid import UUID

from kernel.storage.database import Connection


def forgotten_among(connection: Connection, people: Iterable[UUID | str]) -> set[str]:
    """Return the forgotten ones of *people*, as text in lower case.

    Locks: none of the others can be forgotten until the caller's transaction ends.
    """
    asked = sorted({str(person).lower() for person in people})
    return {person for (person,) in connection.execute("SELECT forgotten_among(%b::text[])", (asked,))}
