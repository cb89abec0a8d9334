"""The catalog's answers about the pieces of an order of items.

    awaited ─► reserved ─► released
           └─► refused

The first answer other than *reserved* is final, so the answers may arrive in any sequence.
"""

from typing import Literal, NamedTuple

from kernel.contracts.stock import StockEvent, StockRefused, StockReleased, StockReserved

Stock = Literal["reserved", "refused", "released"]


class Answer(NamedTuple):
    """*stock*: None before any answer. *reason*: why there are no pieces, as one word."""

    stock: Stock | None = None
    reason: str | None = None


def read(event: StockEvent) -> Answer:
    """Return the answer in *event*."""
    match event:
        case StockReserved():
            return Answer("reserved")
        case StockRefused():
            return Answer("refused", event.reason)
        case StockReleased():
            return Answer("released", event.reason)
    return Answer()


def merge(known: Answer, found: Answer) -> Answer:
    """Return the answer that counts: *known*, or *found* if it is later."""
    return found if known.stock in (None, "reserved") and found.stock else known
