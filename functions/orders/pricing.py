"""What an order costs: the amount that a client names, or its items at the catalog's prices."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from msgspec import Struct

from kernel import currencies
from kernel.contracts.orders import OrderItem
from kernel.currencies import LARGEST_AMOUNT
from kernel.errors import ConflictError, FieldProblem, InvalidError, UnprocessableError
from orders.events import OrderCreated
from orders.schemas import CreateOrder, ItemWanted

USUAL_CURRENCY = "USD"


class Product(Struct, frozen=True):
    """A product that can be bought; *price_cents*: of one piece, in minor units of *currency*."""

    product_id: UUID
    name: str
    price_cents: int
    currency: str
    stock: int


type Line = tuple[ItemWanted, Product]


def check(command: CreateOrder) -> None:
    """Raise InvalidError if it is neither for an amount nor for items, or for both, or for an item twice."""
    if problems := tuple(_wrong_fields(command)):
        raise InvalidError(f"{len(problems)} field{'s are' if len(problems) > 1 else ' is'} wrong.", problems)


def of_amount(command: CreateOrder, amount: int, customer: UUID | None) -> OrderCreated:
    currency, method = command.currency or USUAL_CURRENCY, command.payment_method
    return OrderCreated(amount=amount, currency=currency, customer_id=customer, payment_method=method)


def of_items(command: CreateOrder, customer: UUID, on_sale: Mapping[UUID, Product]) -> OrderCreated:
    """The order at today's prices.

    Raises UnprocessableError for products that are not on sale and for sums that nobody can pay at once,
    ConflictError if a price is not what the client saw, or the stock is too low: naming each item at fault.
    """
    lines = _found(command.items or (), on_sale)
    if stale := tuple(_contradictions(lines)):
        raise ConflictError("Prices or stocks are not what they were. See what they are, and order again.", stale)
    currency = _only_currency(lines)
    items = tuple(OrderItem(each.product_id, each.name, wanted.quantity, each.price_cents) for wanted, each in lines)
    amount = sum(item.unit_price_cents * item.quantity for item in items)
    _check_charge(amount, currency)
    method = command.payment_method
    return OrderCreated(
        amount=amount,
        currency=currency,
        customer_id=customer,
        items=items,
        payment_method=method,
        reserves_stock=True,
    )


def _wrong_fields(command: CreateOrder) -> Iterator[FieldProblem]:
    if (command.amount is None) == (command.items is None):
        yield FieldProblem("body", "must have either amount or items")
    if command.currency is not None and command.items is not None:
        yield FieldProblem("currency", "is that of the items' products")
    currency = command.currency or USUAL_CURRENCY
    if refusal := currencies.refuse_currency(currency):
        yield FieldProblem("currency", refusal)
    elif refusal := currencies.refuse_amount(command.amount or 0, currency):
        yield FieldProblem("amount", refusal)
    seen: set[UUID] = set()
    for index, item in enumerate(command.items or ()):
        if item.product_id in seen:
            yield FieldProblem(f"items[{index}].productId", "is there twice: give one item with the whole quantity")
        seen.add(item.product_id)


def _found(wanted: tuple[ItemWanted, ...], on_sale: Mapping[UUID, Product]) -> list[Line]:
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
            message = f"is {product.price_cents} by now, not {item.price_cents}"
            yield FieldProblem(f"items[{index}].priceCents", message)
        if item.quantity > product.stock:
            yield FieldProblem(f"items[{index}].quantity", f"is more than the {product.stock} in stock")


def _only_currency(lines: list[Line]) -> str:
    found = sorted({product.currency for _, product in lines})
    if len(found) > 1:
        raise UnprocessableError(f"One order has one currency; these items have {', '.join(found)}.")
    return found[0]


def _check_charge(amount: int, currency: str) -> None:
    """Raise UnprocessableError for a sum that nobody can be charged at once."""
    if refusal := currencies.refuse_currency(currency):
        raise UnprocessableError(f"The currency of these items, {currency}, {refusal}.")
    if not 1 <= amount <= LARGEST_AMOUNT:
        raise UnprocessableError(f"The items cost {amount} together; an order is for 1 to {LARGEST_AMOUNT}.")
    if refusal := currencies.refuse_amount(amount, currency):
        raise UnprocessableError(f"The items cost {amount} together, which {refusal}.")
