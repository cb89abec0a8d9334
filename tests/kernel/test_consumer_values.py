"""Every deployed consumer is a value that knows what the template says of it."""

import importlib
from dataclasses import FrozenInstanceError

import pytest

from kernel.contracts.orders import OrderCreated
from kernel.contracts.stock import StockReserved
from kernel.messaging import consumer
from kernel.messaging.consumer import Consumer
from kernel.messaging.forgetting import Forgetting
from tools.template import FUNCTIONS, Function

CONSUMERS = [each for each in FUNCTIONS if each.topics]


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOPIC", "CONSUMER_GROUP", "DEAD_LETTER_TOPIC"):
        monkeypatch.delenv(name, raising=False)


def handler_of(function: Function) -> Consumer[object]:
    found = importlib.import_module(function.module).handler
    assert isinstance(found, Consumer)
    return found


@pytest.mark.parametrize("function", CONSUMERS, ids=str)
def test_knows_its_names(function: Function) -> None:
    """Domain, topic, group and dead letters follow from module and contracts, and are those of its trigger."""
    handler, trigger = handler_of(function), function.consumption
    assert handler.domain == function.domain
    assert handler.topic == trigger.topic
    assert handler.group == trigger.group
    assert handler.dead_letter_topic == trigger.dead_letter_topic


def test_two_names_only_are_older_than_the_rule() -> None:
    given = {function.module for function in CONSUMERS if handler_of(function).published_group}
    assert given == {"activity.on_user_activity_events"}


def test_knows_its_phases() -> None:
    """Payments settle before, e-mails are sent after, and each domain with people's data forgets before."""
    phases = {function.module: handler_of(function) for function in CONSUMERS}
    before = {module for module, handler in phases.items() if handler.before}
    forgetting = {module for module, handler in phases.items() if isinstance(handler.before, Forgetting)}
    assert before - forgetting == {"payments.on_order_events", "payments.on_stock_events"}
    assert forgetting == {each.module for each in CONSUMERS if each.module.endswith(".on_user_events")}
    assert {each.domain for each in phases.values() if isinstance(each.before, Forgetting)} == {
        module.partition(".")[0] for module in forgetting
    }
    assert [module for module, handler in phases.items() if handler.after] == ["notifications.on_notification_events"]
    assert {handler.generation for handler in phases.values()} == {1}


def test_is_frozen() -> None:
    handler = handler_of(CONSUMERS[0])
    with pytest.raises(FrozenInstanceError):
        handler.domain = "another"  # type: ignore[misc]


def test_refuses_contracts_of_two_topics_and_none_at_all() -> None:
    """A consumer has one mapping, which has one topic."""
    with pytest.raises(TypeError, match="one topic"):
        consumer.batch(OrderCreated, StockReserved)(lambda _connection, _events: None)
    for decorator in (consumer.batch, consumer.each):
        with pytest.raises(TypeError, match="Name the contracts"):
            decorator()


def test_variables_come_before_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOPIC changes the names that follow from it; group and dead letters can be named alone."""
    handler = importlib.import_module("payments.on_order_events").handler
    monkeypatch.setenv("TOPIC", "old-orders")
    assert (handler.group, handler.dead_letter_topic) == ("payments-old-orders", "old-orders-payments-dlq")
    monkeypatch.setenv("CONSUMER_GROUP", "mine")
    monkeypatch.setenv("KAFKA_DLQ_TOPIC", "letters")
    assert (handler.group, handler.dead_letter_topic) == ("mine", "letters")
