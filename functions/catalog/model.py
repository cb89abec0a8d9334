"""A product and its rules: what can be charged, what is published about it, and how pages of a search continue."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from kernel import currencies
from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductEvent, ProductState, ProductUpdated
from kernel.errors import FieldProblem, InvalidError, NotFoundError, refuse_fields

# The lower ends of the price ranges by which a search counts its results.
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


def require(product: Product | None) -> Product:
    """Return *product*. Raises NotFoundError if it is None."""
    if product is None:
        raise NotFoundError("There is no such product.")
    return product


def check_price(price_cents: int, currency: str) -> None:
    """Raise InvalidError for a price that cannot be charged."""
    refuse_fields(currencies.charge_problems(price_cents, currency, amount_field="priceCents"))


def announce_created(product: Product) -> ProductCreated:
    """Return the event about a new product."""
    return _state(ProductCreated, product)


def announce_updated(product: Product) -> ProductUpdated:
    """Return the event about a changed product."""
    return _state(ProductUpdated, product)


def announce_deleted(product: Product) -> ProductDeleted:
    """Return the event about a deleted product. Its version is the next one, so that no older event can undo it."""
    return ProductDeleted(product_id=product.id, version=product.version + 1)


def latest(events: list[ProductEvent]) -> list[ProductEvent]:
    """Return the event with the highest version of each product."""
    by_version = sorted(events, key=lambda event: event.version)
    return list({event.product_id: event for event in by_version}.values())


def _state[E: ProductState](kind: type[E], product: Product) -> E:
    fields = asdict(product)
    return kind(product_id=fields.pop("id"), **fields)


def price_ranges() -> list[tuple[int, int | None]]:
    """Return the lowest and the highest price of each range, both included. The last range has no highest price."""
    ends = [*(step - 1 for step in PRICE_STEPS[1:]), None]
    return list(zip(PRICE_STEPS, ends, strict=True))


def check_position(sort: str, value: float | None, order: str) -> None:
    """Raise InvalidError for a cursor of a differently sorted query.

    *sort*, *value*: of the cursor. Every sort but `newest` has a value.
    *order*: of the query.
    """
    if sort != order or (value is None) != (sort == "newest"):
        raise _cursor_error("belongs to another query: repeat that query")


def check_engine(sort: str, engine: str, current: str) -> None:
    """Raise InvalidError for a relevance cursor of the other search engine, because scores are not comparable.

    *engine*: of the cursor.
    *current*: the engine that answers the query.
    """
    if sort == "relevance" and engine != current:
        raise _cursor_error("cannot be continued, because the search engine has changed: begin with the first page")


def _cursor_error(why: str) -> InvalidError:
    return InvalidError("The cursor cannot be used.", (FieldProblem("query.cursor", why),))
