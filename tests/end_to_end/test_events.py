"""`./millrace events` on a running cloud: one order's whole way, and its events found, followed and published again."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.end_to_end.commerce import GOOD_CARD, Shop
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> Iterator[Shop]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        yield Shop.opened(cloud, api)


def path(cloud: Cloud, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloud.millrace("events", "path", id_, "--json").stdout)
    return found


def find(cloud: Cloud, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cloud.millrace("events", "find", *options, "--json").stdout.splitlines()]


def tables(report: dict[str, Any]) -> set[str]:
    return {each["table"] for each in report["written"]}


def test_an_orders_whole_way_is_shown(cloud: Cloud, shop: Shop) -> None:
    """Request → outbox → topic → consumers → inbox → the rows in the catalog's and the payments' databases."""
    product = shop.product()
    order = shop.order(product, 2, paymentMethod=shop.card(GOOD_CARD))
    shop.status_becomes(order, "paid")
    [created] = find(cloud, "--topic", "order-events", "--key", order["orderId"], "--type", "OrderCreated")
    headers, place = created["headers"], created["metadata"]

    def is_shown() -> bool:
        shown = path(cloud, headers["ce_id"])
        return bool(shown["requests"]) and all(each["state"] == "applied" for each in shown["events"][0]["consumers"])

    wait_until(is_shown, seconds=60, what="the log of the request, and both consumers")
    shown = path(cloud, headers["ce_id"])

    assert shown["kind"] == "event"
    [request] = shown["requests"]
    assert (request["method"], request["route"], request["status"]) == ("POST", "/api/v1/orders", 201)
    assert request["request_id"] == headers["ce_correlationid"]
    [event] = shown["events"]
    assert (event["outbox"]["domain"], event["outbox"]["topic"]) == ("orders", "order-events")
    [record] = event["records"]
    assert (record["partition"], record["offset"]) == (place["partition"], place["offset"])
    steps = {each["consumer"]: each for each in event["consumers"]}
    assert set(steps) == {"catalog.on_order_events", "payments.on_order_events"}
    assert all(each["committed"] > place["offset"] for each in steps.values())
    catalog = steps["catalog.on_order_events"]["handled"]
    assert tables(catalog["report"]) >= {"hold_items"}
    assert "StockReserved" in {each["headers"]["ce_type"] for each in catalog["published"]}
    payments = steps["payments.on_order_events"]["handled"]["report"]
    assert {"order_id": order["orderId"]} in [key for each in payments["under_key"] for key in each["keys"]]
    told = cloud.millrace("events", "path", headers["ce_correlationid"]).stdout
    assert "request      POST /api/v1/orders → 201" in told
    for type_ in ("OrderCreated", "StockReserved", "PaymentCompleted", "OrderPaid"):
        assert f"event        {type_}" in told


def test_an_id_that_is_nowhere_says_what_was_looked_at(cloud: Cloud) -> None:
    """With exit code 1."""
    ran = cloud.millrace("events", "path", str(uuid4()), check=False)

    assert ran.returncode == 1
    assert "was found nowhere. Looked at:" in ran.stdout


def test_events_are_published_followed_and_published_again(cloud: Cloud, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's
    """By hand: the plan first, then the record; `tail` shows it, and what `find --json` prints can be produced again."""
    id_, user, topic = str(uuid4()), f"user-{uuid4().hex}", "user-activity-events"
    value = json.dumps(
        {"eventId": id_, "userId": user, "eventType": "LOGIN", "timestamp": "2026-11-27T18:00:00Z", "payload": {}}
    )
    single = ("events", "produce", topic, "--key", user, "--value", value, "--json")
    plan = json.loads(cloud.millrace(*single).stdout)
    assert (plan["count"], plan["consumers"]) == (1, ["activity.on_user_activity_events"])
    assert find(cloud, "--topic", topic, "--key", user) == []

    assert json.loads(cloud.millrace(*single, "--execute", "--expect", "1").stdout)["published"] == 1

    [line] = find(cloud, "--topic", topic, "--key", user)
    assert json.loads(line["value"])["eventId"] == id_
    file = tmp_path / "lines.jsonl"
    file.write_text(json.dumps(line))
    cloud.millrace("events", "produce", topic, "--file", str(file), "--execute", "--expect", "1")
    tailed = cloud.millrace(
        "events", "tail", topic, "--since", "2026-11-27T00:00:00Z", "--key", user, "--max", "2", "--json"
    )
    assert [json.loads(each)["value"] for each in tailed.stdout.splitlines()] == [value, value]
    refused = cloud.millrace("events", "produce", topic, "--key", user, "--value", "{}", check=False)
    assert refused.returncode == 2
    assert "Its consumers would" in refused.stderr
