"""Every event that was ever stored can be read, for ever. A sample is never edited, only added.

`stored/<type>.v<n>.json`: the data of a row with that schema version.
"""

import json
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from psycopg.types.json import Jsonb

from orders import events
from orders.events import OrderCreated, UnreadableEventError
from tests.kit.databases import Database
from tests.orders.customers import Customer, hear, payment

SAMPLES = sorted((Path(__file__).parent / "stored").glob("*.json"))


def named(sample: Path) -> tuple[str, int]:
    name, _, version = sample.stem.partition(".v")
    return name, int(version)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_reads_every_sample_as_the_current_version(sample: Path) -> None:
    """Of the current version nothing is lost or added; an earlier one becomes what the current one would have been."""
    name, version = named(sample)
    data = json.loads(sample.read_text())
    event = events.decode(name, version, data)

    now = json.loads(msgspec.json.encode(event))

    assert type(event).__name__ == name
    assert now | data == now
    assert version < event.schema_version or now == data


def test_every_version_of_every_type_has_a_sample() -> None:
    """A shape cannot be changed without its old one being frozen here."""
    current = {name: contract.schema_version for name, contract in events.TYPES.items()}
    every = {(name, version) for name, last in current.items() for version in range(1, last + 1)}

    assert {named(sample) for sample in SAMPLES} == every
    assert set(events.UPCASTERS) == {(name, version) for name, version in every if version < current[name]}


def test_the_first_orders_were_for_dollars() -> None:
    """Version 1 of OrderCreated had an amount alone."""
    customer = UUID(int=7)
    event = events.decode("OrderCreated", 1, {"amount": 500, "customerId": str(customer)})
    assert event == OrderCreated(amount=500, currency="USD", customer_id=customer)


def test_earlier_orders_of_items_reserve_nothing() -> None:
    """Version 2 of OrderCreated was charged without a look at the stock, whatever it was for."""
    stored = json.loads((Path(__file__).parent / "stored" / "OrderCreated.v2.json").read_text())
    event = events.decode("OrderCreated", 2, stored)
    assert isinstance(event, OrderCreated)
    assert (len(event.items), event.reserves_stock) == (1, False)


@pytest.mark.parametrize(("name", "version"), [("OrderCreated", 4), ("OrderCreated", 0), ("OrderLost", 1)])
def test_what_another_release_stored_is_not_guessed(name: str, version: int) -> None:
    """An event that this release does not know is an error, and no order."""
    with pytest.raises(UnreadableEventError):
        events.decode(name, version, {"amount": 500})


def test_an_old_order_lives_on(orders: Database, ada: Customer) -> None:
    """One that was stored by the first release is shown, listed, paid and told as any other."""
    order = UUID("0190a3c0-7f4b-7c11-9d1e-5f0c2b7a9e04")
    row = (order, Jsonb({"amount": 500, "customerId": str(ada.id)}))
    with orders.connect("app") as connection:
        connection.execute(
            """
            INSERT INTO order_events (order_id, version, type, schema_version, data, causation)
            VALUES (%s, 1, 'OrderCreated', 1, %s, '')
            """,
            row,
        )
    hear(payment(order, "paid"))

    found = ada.get(order).body
    assert (found["status"], found["amount"], found["currency"]) == ("paid", 500, "USD")
    assert [(each["status"], each["currency"]) for each in ada.list().body] == [("paid", "USD")]
    assert ada.history(order).body[0]["data"]["currency"] == "USD"
    assert orders.rows("SELECT schema_version FROM order_events ORDER BY version") == [(1,), (1,)]
