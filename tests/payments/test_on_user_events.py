"""Payments stay; what Stripe calls the card and how a payment is confirmed do not."""

from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from kernel import ids
from payments import store
from payments.model import News
from tests.forgetting.deletions import hear_of
from tests.kit.databases import Database
from tests.payments import orders as payment_orders


def test_blanks_what_a_settled_payment_was_charged_to(payments: Database) -> None:
    """An open payment keeps it until it is settled; others' are left alone."""
    person, other = uuid4(), uuid4()
    settled, of_other = (payment_orders.known(payments, customer_id=each) for each in (person, other))
    still_open = payment_orders.known(payments, customer_id=person)
    with payments.connect("app") as connection, connection.transaction():
        for payment in store.lock(connection, [settled.order_id, of_other.order_id]):
            store.change(connection, payment, News(money="taken"))
    for _ in range(2):
        hear_of("payments", person, ids.new())
    now = payment_orders.now(payments, settled)
    assert (now.payment_method, now.client_secret, now.intent_id) == (None, None, settled.intent_id)
    assert (now.amount, now.customer_id, now.status) == (500, person, "completed")
    assert payment_orders.now(payments, still_open) == still_open
    assert payment_orders.now(payments, of_other).payment_method == of_other.payment_method


def test_the_application_still_cannot_change_who_pays_how(payments: Database) -> None:
    """It may have a person forgotten, and nothing else."""
    with payments.connect("app") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("UPDATE payments SET payment_method = NULL")
