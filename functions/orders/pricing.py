"""What an order costs: the amount that a client names, or its items at the catalog's prices."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from msgspec import Struct

from kernel import currencies
from kernel.contracts.orders import OrderItem
from kernel.currencies import LARGEST_AMOUNT
from kernel.errors import ConflictError, FieldProblem, UnprocessableError, refuse_fields
from orders.commands import PlaceOrder, WantedItem
from orders.events import OrderCreated

USUAL_CURRENCY = "USD"


class Product(Struct, frozen=True):
    """A product that can be bought; *price_cents*: of one piece, in minor units of *currency*."""

    product_id: UUID
    name: str
    price_cents: int
    currency: str
    stock: int


type Line = tuple[WantedItem, Product]


def check(command: PlaceOrder) -> None:
    """Refuse a command that can never be an order.

    Raises InvalidError unless it has either an amount or items, names each item once, and can be charged.
    """
    refuse_fields(_wrong_fields(command))


def create(command: PlaceOrder, on_sale: Mapping[UUID, Product]) -> OrderCreated:
    """Return the event that begins the order, at today's prices.

    *on_sale*: the products that can be bought, among them those of the command's items.

    Raises UnprocessableError for products that are not on sale and for sums that cannot be charged. Raises
    ConflictError if a price is not what the client saw, or the stock is too low. Each names the items at fault.
    """
    if command.amount is not None:
        return _created(command, command.amount, command.currency or USUAL_CURRENCY)
    lines = _find_products(command.items, on_sale)
    if stale := tuple(_contradictions(lines)):
        raise ConflictError("Prices or stocks have changed. Read the products again, and repeat the order.", stale)
    currency = _only_currency(lines)
    items = tuple(OrderItem(each.product_id, each.name, wanted.quantity, each.price_cents) for wanted, each in lines)
    amount = sum(item.unit_price_cents * item.quantity for item in items)
    _check_charge(amount, currency)
    return _created(command, amount, currency, items)


def _created(command: PlaceOrder, amount: int, currency: str, items: tuple[OrderItem, ...] = ()) -> OrderCreated:
    return OrderCreated(
        amount=amount,
        currency=currency,
        customer_id=command.customer_id,
        items=items,
        payment_method=command.payment_method,
        reserves_stock=bool(items),
    )


def _wrong_fields(command: PlaceOrder) -> Iterator[FieldProblem]:
    if (command.amount is None) == (not command.items):
        yield FieldProblem("body", "must have either amount or items")
    if command.currency is not None and command.items:
        yield FieldProblem("currency", "is given by the items: leave it out")
    yield from currencies.charge_problems(command.amount or 0, command.currency or USUAL_CURRENCY)
    seen: set[UUID] = set()
    for index, item in enumerate(command.items):
        if item.product_id in seen:
            yield FieldProblem(
                f"items[{index}].productId", "appears more than once; use one item with the total quantity"
            )
        seen.add(item.product_id)


def _find_products(wanted: tuple[WantedItem, ...], on_sale: Mapping[UUID, Product]) -> list[Line]:
    unknown = tuple(
        FieldProblem(f"items[{index}].productId", "is not on sale")
        for index, item in enumerate(wanted)
        if item.product_id not in on_sale
    )
    if unknown:
        raise UnprocessableError("Some products are not on sale.", unknown)
    return [(item, on_sale[item.product_id]) for item in wanted]


def _contradictions(lines: list[Line]) -> Iterator[FieldProblem]:
    for index, (item, product) in enumerate(lines):
        if item.price_cents not in (None, product.price_cents):
            message = f"is now {product.price_cents}, not {item.price_cents}"
            yield FieldProblem(f"items[{index}].priceCents", message)
        if item.quantity > product.stock:
            yield FieldProblem(f"items[{index}].quantity", f"is more than the {product.stock} in stock")


def _only_currency(lines: list[Line]) -> str:
    found = sorted({product.currency for _, product in lines})
    if len(found) > 1:
        raise UnprocessableError(f"One order has one currency; these items have {', '.join(found)}.")
    return found[0]


def _check_charge(amount: int, currency: str) -> None:
    """Raise UnprocessableError for a sum that cannot be charged at once."""
    if not 1 <= amount <= LARGEST_AMOUNT:
        raise UnprocessableError(f"The items cost {amount} together; an order is for 1 to {LARGEST_AMOUNT}.")
    for problem in currencies.charge_problems(amount, currency):
        subject = f"The currency of these items, {currency}," if problem.path == "currency" else f"The sum {amount}"
        raise UnprocessableError(f"{subject} {problem.message}.")
