"""kill -9 of each part of the local cloud while one client works with several domains, and another writes events."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import uuid4

import httpx
import psycopg
import pytest
from kafka import KafkaProducer

from tests.end_to_end.accounts import Account, registered
from tests.end_to_end.commerce import seller, wait_until_orderable
from tests.end_to_end.history import History, lag, producer
from tests.faults.harness import history as checked
from tests.faults.harness.campaign import PROPERTY, counts
from tests.faults.harness.checker import check
from tests.faults.harness.history import Applied, Command
from tests.faults.servers import FAULTS, Fault, has_recovered
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.stripe_clients import stripe_client

COMMANDS = 8
EVENTS_PER_COMMAND = 125
PATIENCE_SECONDS = 90
# The first test waits for all the faults.
WHOLE_WORK_SECONDS = 1200


@dataclass(frozen=True)
class Work:
    """What was acknowledged while a part of the cloud was killed and came back, and the mappings' states afterwards."""

    api: httpx.Client
    account: Account
    product: str
    history: History
    mappings: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def operator(cloud: Cloud, api: httpx.Client) -> Account:
    """Who puts the products on sale."""
    return seller(cloud, api)


@pytest.fixture(scope="module")
def works(cloud: Cloud, api: httpx.Client, operator: Account) -> dict[str, Work]:
    """Work through one fault after the other; what takes its time afterwards is waited for by all at once."""
    return {name: work_through(cloud, api, operator, fault) for name, fault in FAULTS.items()}


@pytest.fixture(params=FAULTS)
def work(works: dict[str, Work], request: pytest.FixtureRequest) -> Work:
    return works[request.param]


def work_through(cloud: Cloud, api: httpx.Client, operator: Account, fault: Fault) -> Work:
    """Kill the part in the middle of the work; everything is up again at the end.

    Every second order is for the next of the pieces of a product, of which there are as many.
    """
    killer = threading.Thread(target=fault, args=[cloud])
    account = registered(api)
    work = Work(api, account, _product(api, operator, account), History())
    with producer(cloud.instance.kafka_bootstrap) as events:
        for number in range(COMMANDS):
            if number == COMMANDS // 4:
                killer.start()
            _do(work, number, events)
    killer.join()
    wait_until(lambda: has_recovered(cloud), seconds=120, what="the cloud to recover")
    work.mappings.extend(mapping["state"] for mapping in cloud.status()["mappings"])
    return work


@pytest.mark.timeout(WHOLE_WORK_SECONDS)
def test_every_acknowledged_command_has_its_effect_once(cloud: Cloud, work: Work) -> None:
    """A client that repeats with the same Idempotency-Key until 201 finds one of each: bookings, notes, charges, …"""
    api, account = work.api, work.account
    booked = {"currency": "EUR", "balanceCents": COMMANDS * (COMMANDS + 1) // 2, "transactions": COMMANDS}
    wait_until(lambda: _balances(api, account) == [booked], seconds=60, what=f"the balance to be {booked}")
    titles = {f"Note {number}" for number in range(COMMANDS)}
    notes = api.get("/api/v1/notes", headers=account.headers, params={"limit": 100}).json()
    assert sorted(note["title"] for note in notes) == sorted(titles)
    paid = {"paid": COMMANDS}
    wait_until(lambda: Counter(_orders(api, account).values()) == paid, seconds=60, what="every order to be paid")
    orders = _orders(api, account)
    assert _charges(cloud, orders) == Counter(orders.keys())
    assert api.get(f"/api/v1/products/{work.product}").json()["stock"] == 0
    sold = Counter({"sold": COMMANDS // 2})
    wait_until(lambda: _holds(cloud, orders) == sold, seconds=60, what="every piece to be sold")
    expected = Counter(f"Your blog Blog {number} has been created" for number in range(COMMANDS))
    expected |= Counter(f"Your payment for order {order} has been completed" for order in orders)
    expected[f"Welcome, {account.username}! Your account has been created."] = 1
    wait_until(lambda: _messages(api, account) == expected, seconds=60, what="one notification of each")
    wait_until(lambda: _emails_sent(cloud, account) == 1, seconds=90, what="the welcome e-mail to be sent")


@pytest.mark.timeout(WHOLE_WORK_SECONDS)
def test_no_event_is_lost_doubled_or_wrongly_dead_lettered(
    cloud: Cloud, work: Work, record_property: Callable[[str, object], None]
) -> None:
    """Each good event is applied once, and only malformed ones are dead letters."""
    bootstrap, database = cloud.instance.kafka_bootstrap, cloud.database_url("activity")
    history = work.history
    wait_until(lambda: lag(bootstrap) == 0, seconds=60, what="the consumer group to reach the end")
    wait_until(lambda: len(history.dead_letters(bootstrap)) >= len(history.poison), seconds=60, what="the dead letters")
    letters = history.dead_letters(bootstrap)
    assert {coordinates: value for coordinates, value, _ in letters} == history.poison
    # At least once on the topic: a relay that was killed before its mark repeats what it published.
    places = {headers["dlq_id"]: place for place, _, headers in letters}
    seen = checked.History(
        commands=tuple(Command(id_, id_, 0, acknowledged=True) for id_ in history.good),
        effects=tuple(Applied(id_, id_, 0) for id_ in history.applied(database)),
        poison=frozenset(history.poison),
        letters=tuple(places.values()),
        lag=lag(bootstrap),
    )
    verdict = check(seen)
    found = {name: number for name, number in counts(verdict).items() if name != "inverted"}
    size = f"{COMMANDS * EVENTS_PER_COMMAND:,} events, {4 * COMMANDS} commands"
    record_property(PROPERTY, {"size": size, "events": len(history.good) + len(history.poison), **found})
    assert verdict == checked.Verdict(), verdict.described()
    assert set(work.mappings) == {"Enabled"}


def _do(work: Work, number: int, events: KafkaProducer) -> None:
    """Send one command to each domain, each until it is acknowledged, and a batch of events."""
    work.history.produce(events, EVENTS_PER_COMMAND)
    item: dict[str, object] = {"items": [{"productId": work.product, "quantity": 1}]}
    booking = {"amountCents": number + 1, "currency": "EUR", "description": f"booking {number}"}
    _post(work.api, work.account, "/api/v1/transactions", booking)
    _post(work.api, work.account, "/api/v1/blogs", {"title": f"Blog {number}", "content": "text"})
    _post(work.api, work.account, "/api/v1/notes", {"title": f"Note {number}"})
    _post(work.api, work.account, "/orders", item if number % 2 else {"amount": number + 100})


def _post(api: httpx.Client, account: Account, path: str, body: dict[str, object]) -> None:
    """Send until it is acknowledged, as a client does that does not know whether it was."""
    headers = account.headers | {"Idempotency-Key": str(uuid4())}

    def is_acknowledged() -> bool:
        try:
            answer = api.post(path, json=body, headers=headers)
        except httpx.TransportError:
            return False
        assert answer.status_code == HTTPStatus.CREATED or answer.status_code >= 500, answer.text
        return answer.status_code == HTTPStatus.CREATED

    wait_until(is_acknowledged, seconds=PATIENCE_SECONDS, what=f"{path} to be acknowledged")


def _product(api: httpx.Client, operator: Account, buyer: Account) -> str:
    """The id of a new product that can be ordered, of which there are as many pieces as will be."""
    body = {"name": "Table", "category": "faults", "priceCents": 100, "stock": COMMANDS // 2}
    made = api.post("/api/v1/products", json=body, headers=operator.headers)
    assert made.status_code == HTTPStatus.CREATED, made.text
    wait_until_orderable(api, buyer.headers, made.json())
    return str(made.json()["id"])


def _holds(cloud: Cloud, orders: dict[str, str]) -> Counter[str]:
    """How many of *orders* have a hold, by its state."""
    with psycopg.connect(cloud.database_url("catalog")) as connection:
        states = connection.execute("SELECT state FROM holds WHERE order_id = ANY(%s::uuid[])", [list(orders)])
        return Counter(state for (state,) in states)


def _balances(api: httpx.Client, account: Account) -> object:
    return api.get("/api/v1/transactions/balance", headers=account.headers).json().get("balances")


def _orders(api: httpx.Client, account: Account) -> dict[str, str]:
    """The status of each of the account's orders, by id."""
    listed = api.get("/orders", headers=account.headers, params={"limit": 100})
    return {each["orderId"]: each["status"] for each in listed.json()} if listed.status_code == 200 else {}


def _charges(cloud: Cloud, orders: dict[str, str]) -> Counter[str]:
    """How often each of *orders* was charged, as Stripe tells it."""
    stripe = stripe_client(cloud.instance.stripe_url, cloud.instance)
    intents = stripe.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    succeeded = (intent.metadata["orderId"] for intent in intents if intent.status == "succeeded")
    return Counter(order for order in succeeded if order in orders)


def _messages(api: httpx.Client, account: Account) -> Counter[str]:
    listed = api.get("/api/v1/notifications/user", headers=account.headers, params={"limit": 100})
    return Counter(each["message"] for each in listed.json()) if listed.status_code == 200 else Counter()


def _emails_sent(cloud: Cloud, account: Account) -> int:
    with psycopg.connect(cloud.database_url("notifications")) as connection:
        row = connection.execute(
            """
            SELECT count(*) FROM emails JOIN notifications ON notifications.id = notification_id
            WHERE user_id = %s AND sent_at IS NOT NULL
            """,
            [account.id],
        ).fetchone()
    return int(row[0]) if row else 0
