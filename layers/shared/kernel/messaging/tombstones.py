"""Who was forgotten: the tombstones that `kernel.messaging.forgetting` sets, as whoever writes about people looks for them."""

from collections.abc import Iterable
from uuid import UUID

from kernel.storage.database import Connection


def forgotten_among(connection: Connection, people: Iterable[UUID | str]) -> set[str]:
    """Return those of *people* who were forgotten, as text in lower case.

    The others cannot be forgotten until the caller's transaction has ended.
    """
    asked = sorted({str(person).lower() for person in people})
    return {person for (person,) in connection.execute("SELECT forgotten_among(%b::text[])", (asked,))}
