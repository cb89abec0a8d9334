"""The rules of products and of their search, without a server."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from catalog import model
from catalog.model import Product
from kernel.contracts.catalog import ProductDeleted, ProductEvent
from kernel.errors import InvalidError, NotFoundError

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PRODUCT = Product(UUID(int=1), "chair", "", "furniture", 4_900, "USD", 3, 7, NOW, NOW)


@pytest.mark.parametrize(
    ("price", "currency", "field"),
    [(4_900, "USD", None), (4_900, "ISK", "currency"), (4_900, "XXX", "currency"), (5_124, "KWD", "priceCents")],
)
def test_a_price_that_cannot_be_charged_is_refused(price: int, currency: str, field: str | None) -> None:
    """The field at fault is named as the client wrote it."""
    if field is None:
        model.check_price(price, currency)
        return
    with pytest.raises(InvalidError, match="1 field is wrong") as refused:
        model.check_price(price, currency)
    assert [each.path for each in refused.value.problems] == [field]


def test_events_tell_the_whole_product() -> None:
    """And a deletion is later than all that was told before it."""
    told = asdict(model.announce_updated(PRODUCT))
    assert told.pop("product_id") == PRODUCT.id
    assert told == {name: value for name, value in asdict(PRODUCT).items() if name != "id"}
    assert model.announce_deleted(PRODUCT).version == PRODUCT.version + 1


@given(st.permutations([*range(1, 7)]), st.integers(0, 6))
@settings(deadline=None)
def test_the_latest_event_of_each_product_counts(versions: list[int], repeated: int) -> None:
    """In whatever sequence, and however often, they arrive."""
    products = [replace(PRODUCT, id=UUID(int=number % 2), version=number) for number in versions]
    events: list[ProductEvent] = [model.announce_updated(each) for each in products]
    events += events[:repeated]

    assert {(each.product_id.int, each.version) for each in model.latest(events)} == {(0, 6), (1, 5)}


def test_a_deletion_is_the_latest_event() -> None:
    """Nothing that arrives late brings the product back."""
    deleted, updated = model.announce_deleted(PRODUCT), model.announce_updated(PRODUCT)

    for events in ([deleted, updated], [updated, deleted]):
        [latest] = model.latest(events)
        assert isinstance(latest, ProductDeleted)


@given(st.integers(0, 10**12))
@settings(deadline=None)
def test_every_price_is_in_one_range(cents: int) -> None:
    """Both ends belong to a range, and the last one has no end."""
    containing = [
        (least, most) for least, most in model.price_ranges() if least <= cents and (most is None or cents <= most)
    ]
    assert len(containing) == 1


@pytest.mark.parametrize(
    ("sort", "value", "order", "fits"),
    [
        ("price", 1.0, "price", True),
        ("newest", None, "newest", True),
        ("newest", 1.0, "newest", False),
        ("price", None, "price", False),
        ("price", 1.0, "-price", False),
    ],
)
def test_a_cursor_continues_the_query_that_it_belongs_to(
    sort: str,
    value: float | None,
    order: str,
    fits: bool,  # noqa: FBT001 - pytest's parameter
) -> None:
    """Another sorting would skip products or repeat them."""
    if fits:
        model.check_position(sort, value, order)
        return
    with pytest.raises(InvalidError) as refused:
        model.check_position(sort, value, order)
    assert [each.path for each in refused.value.problems] == ["query.cursor"]


def test_relevance_does_not_continue_in_the_other_engine() -> None:
    """Scores of two engines are not comparable; prices are the same in both."""
    with pytest.raises(InvalidError, match="cursor"):
        model.check_engine("relevance", "index", "database")
    model.check_engine("relevance", "index", "index")
    model.check_engine("price", "index", "database")


def test_a_missing_product_is_not_found() -> None:
    """None becomes an answer for the client."""
    assert model.require(PRODUCT) is PRODUCT
    with pytest.raises(NotFoundError):
        model.require(None)
