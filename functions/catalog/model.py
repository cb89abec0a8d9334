"""A product and its rules: what a version is, and what the world is told of it."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from kernel import currencies
from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductEvent, ProductState, ProductUpdated
from kernel.errors import FieldProblem, InvalidError, NotFoundError, refuse_fields

# Where the ranges of prices begin by which search results are counted.
PRICE_STEPS = (0, 1_000, 5_000, 10_000, 50_000)


class Product(Struct, frozen=True, rename="camel"):
    """*price_cents*: in minor units of *currency*. *version* counts the changes, from 1."""

    id: UUID
    name: str
    description: str
    category: str
    price_cents: int
    currency: str
    stock: int
    version: int
    created_at: datetime
    updated_at: datetime


def found(product: Product | None) -> Product:
    """*product*, if there is one."""
    if product is None:
        raise NotFoundError("There is no such product.")
    return product


def check_price(price_cents: int, currency: str) -> None:
    """Raise InvalidError for a price that cannot be charged."""
    refuse_fields(currencies.charge_problems(price_cents, currency, amount_field="priceCents"))


def created(product: Product) -> ProductCreated:
    return _state(ProductCreated, product)


def updated(product: Product) -> ProductUpdated:
    return _state(ProductUpdated, product)


def deleted(product: Product) -> ProductDeleted:
    """The deletion is a version of its own: nothing older can undo it."""
    return ProductDeleted(product_id=product.id, version=product.version + 1)


def latest(events: list[ProductEvent]) -> list[ProductEvent]:
    """Of each product the event with the highest version."""
    by_version = sorted(events, key=lambda event: event.version)
    return list({event.product_id: event for event in by_version}.values())


def _state[E: ProductState](kind: type[E], product: Product) -> E:
    fields = asdict(product)
    return kind(product_id=fields.pop("id"), **fields)


def price_ranges() -> list[tuple[int, int | None]]:
    """Least and highest price of each range, both within it; the last one has no end."""
    ends = [*(step - 1 for step in PRICE_STEPS[1:]), None]
    return list(zip(PRICE_STEPS, ends, strict=True))


def check_position(sort: str, value: float | None, order: str) -> None:
    """Raise InvalidError for a page's end that has another *sort* than the query's *order*, or not its *value*."""
    if sort != order or (value is None) != (sort == "newest"):
        raise _cursor_refused("is of another query: repeat the query that it belongs to")


def check_engine(sort: str, engine: str, asked: str) -> None:
    """Raise InvalidError for a place by relevance in another engine than the one *asked*: their numbers differ."""
    if sort == "relevance" and engine != asked:
        raise _cursor_refused(
            "cannot be continued, as the index went or came back meanwhile: begin with the first page"
        )


def _cursor_refused(why: str) -> InvalidError:
    return InvalidError("The cursor cannot be used.", (FieldProblem("query.cursor", why),))
