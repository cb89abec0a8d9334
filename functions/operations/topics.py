"""The application's topics, dead-letter topics included, as infra/topics.yaml lists them."""

from pathlib import Path

import msgspec

DEAD_LETTERS = "-dlq"
FILE = Path(__file__).with_name("topics.json")


def names() -> list[str]:
    return msgspec.json.decode(FILE.read_bytes(), type=list[str])


def events() -> list[str]:
    """Return the topics of events: all but those of dead letters."""
    return [name for name in names() if not name.endswith(DEAD_LETTERS)]
