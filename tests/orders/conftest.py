"""An orders database, the variables of its consumers, and customers."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.kit import domains
from tests.kit.databases import Database
from tests.orders.customers import FUNCTIONS, Customer

orders = domains.database_fixture("orders", RATE_LIMIT_FACTOR="1000")
consumer = domains.consumer_fixture("orders")


@pytest.fixture
def ada(orders: Database, sign_in: Callable[..., dict[str, str]]) -> Customer:
    user_id = uuid4()
    return Customer(FUNCTIONS, user_id, sign_in(user_id))


@pytest.fixture
def bob(orders: Database, sign_in: Callable[..., dict[str, str]]) -> Customer:
    user_id = uuid4()
    return Customer(FUNCTIONS, user_id, sign_in(user_id))
