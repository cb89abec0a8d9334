"""The application's topics, dead-letter topics included, as infra/topics.yaml lists them."""

from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("topics.json")


def names() -> list[str]:
    return msgspec.json.decode(FILE.read_bytes(), type=list[str])
