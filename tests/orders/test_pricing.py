"""What an order costs, and what is no order, without a server."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kernel.currencies import LARGEST_AMOUNT
from kernel.errors import ConflictError, InvalidError, ProblemError, UnprocessableError
from orders import pricing
from orders.commands import PlaceOrder, WantedItem
from orders.pricing import Product

CUSTOMER = UUID(int=9)
CHAIR = Product(UUID(int=1), "chair", 4_900, "EUR", 5)
TABLE = Product(UUID(int=2), "table", 19_900, "EUR", 1)
COIN = Product(UUID(int=3), "coin", 5_125, "KWD", 5)
ON_SALE = {each.product_id: each for each in (CHAIR, TABLE, COIN)}


def items(*wanted: tuple[Product, int], currency: str | None = None) -> PlaceOrder:
    several = tuple(WantedItem(product.product_id, quantity) for product, quantity in wanted)
    return PlaceOrder(customer_id=CUSTOMER, items=several, currency=currency)


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (PlaceOrder(None, amount=500), []),
        (PlaceOrder(None, amount=500, currency="JPY"), []),
        (items((CHAIR, 1)), []),
        (PlaceOrder(None), ["body"]),
        (replace(items((CHAIR, 1)), amount=500), ["body"]),
        (items((CHAIR, 1), currency="EUR"), ["currency"]),
        (PlaceOrder(None, amount=500, currency="ISK"), ["currency"]),
        (PlaceOrder(None, amount=5_125, currency="KWD"), ["amount"]),
        (items((CHAIR, 1), (TABLE, 1), (CHAIR, 2), (CHAIR, 1)), ["items[2].productId", "items[3].productId"]),
    ],
    ids=str,
)
def test_every_wrong_field_is_named(command: PlaceOrder, fields: list[str]) -> None:
    """All of them at once, and none of an order that can be placed."""
    if not fields:
        pricing.check(command)
        return
    with pytest.raises(InvalidError) as refused:
        pricing.check(command)
    assert [each.path for each in refused.value.problems] == fields


def test_an_amount_is_taken_as_it_is() -> None:
    """In US dollars unless a currency is named; no stock is reserved for it."""
    event = pricing.create(PlaceOrder(None, amount=500, payment_method="pm_1"), {})

    assert (event.amount, event.currency, event.items, event.payment_method) == (500, "USD", (), "pm_1")
    assert not event.reserves_stock
    assert event.customer_id is None


@given(st.dictionaries(st.sampled_from([CHAIR, TABLE]), st.integers(1, 5), min_size=1))
@settings(deadline=None)
def test_items_cost_what_the_catalog_says(wanted: dict[Product, int]) -> None:
    """The sum of all pieces, with each item's price kept as it was, or no order at all."""
    short = [f"items[{index}].quantity" for index, (each, count) in enumerate(wanted.items()) if count > each.stock]
    if short:
        with pytest.raises(ConflictError) as refused:
            pricing.create(items(*wanted.items()), ON_SALE)
        assert [each.path for each in refused.value.problems] == short
        return
    event = pricing.create(items(*wanted.items()), ON_SALE)
    assert event.amount == sum(product.price_cents * count for product, count in wanted.items())
    assert [(each.name, each.quantity, each.unit_price_cents) for each in event.items] == [
        (product.name, count, product.price_cents) for product, count in wanted.items()
    ]
    assert (event.currency, event.reserves_stock, event.customer_id) == ("EUR", True, CUSTOMER)


def test_a_price_that_the_client_did_not_see_is_not_charged() -> None:
    """Each contradiction is named, with what is true now."""
    command = PlaceOrder(CUSTOMER, items=(WantedItem(CHAIR.product_id, 1, 4_900), WantedItem(TABLE.product_id, 2, 1)))

    with pytest.raises(ConflictError) as refused:
        pricing.create(command, ON_SALE)

    assert refused.value.problems == (
        ("items[1].priceCents", "is now 19900, not 1"),
        ("items[1].quantity", "is more than the 1 in stock"),
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (items((CHAIR, 1), (replace(CHAIR, product_id=UUID(int=7)), 1)), "Some products are not on sale"),
        (items((CHAIR, 1), (COIN, 2)), "One order has one currency"),
        (items((COIN, 1)), "The sum 5125 must end in 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_charged_at_once_is_refused(command: PlaceOrder, message: str) -> None:
    """A rule says no, and why."""
    with pytest.raises(UnprocessableError, match=message):
        pricing.create(command, ON_SALE)


@pytest.mark.parametrize(
    ("product", "message"),
    [
        (replace(CHAIR, price_cents=LARGEST_AMOUNT + 1), "an order is for 1 to"),
        (replace(CHAIR, price_cents=0), "an order is for 1 to"),
        (replace(CHAIR, currency="ISK"), "The currency of these items, ISK, cannot be charged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_product_that_nobody_can_pay_is_refused(product: Product, message: str) -> None:
    """The catalog may have it from a time before its own checks."""
    with pytest.raises(ProblemError, match=message):
        pricing.create(items((CHAIR, 1)), {CHAIR.product_id: product})
