"""Runs a relay of the activity domain in a process of its own, to be killed or to overlap with others."""

import os
import sys

from kernel.messaging import relay, unpublished
from kernel.messaging.unpublished import Row
from kernel.storage.database import Connection


def die(connection: Connection, rows: list[Row]) -> None:
    os._exit(9)


if __name__ == "__main__":
    if "--die-before-mark" in sys.argv:
        unpublished.mark_published = die
    print(relay.publish("activity", float(sys.argv[1])).published)  # noqa: T201 - its result
