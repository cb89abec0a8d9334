"""What the catalog tells of the pieces that an order of items wants.

    awaited ─► reserved ─► released
           └─► refused

The first word after *reserved* is the last, so it does not matter in which order they arrive.
"""

from typing import Literal, NamedTuple

from kernel.contracts.stock import StockEvent, StockRefused, StockReleased, StockReserved

Stock = Literal["reserved", "refused", "released"]


class Answer(NamedTuple):
    """*stock*: None = there is none yet. *reason*: why there are no pieces, as one word."""

    stock: Stock | None = None
    reason: str | None = None


def read(event: StockEvent) -> Answer:
    """Return the answer that *event* tells."""
    match event:
        case StockReserved():
            return Answer("reserved")
        case StockRefused():
            return Answer("refused", event.reason)
        case StockReleased():
            return Answer("released", event.reason)
    return Answer()


def merge(known: Answer, found: Answer) -> Answer:
    """Return what is known once *found* was told."""
    return found if known.stock in (None, "reserved") and found.stock else known
