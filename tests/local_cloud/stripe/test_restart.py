"""What the local Stripe remembers over its death."""

import contextlib
import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import stripe

from millrace_local.instance import Instance
from millrace_local.servers.stripe import Stripe
from tests.kit.servers import running
from tests.kit.stripe_clients import stripe_client


def charge(client: stripe.StripeClient, order: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "metadata": {"orderId": order},
            "payment_method": "pm_card_visa",
            "confirm": True,
        },
        {"idempotency_key": order},
    )


def test_a_kill_forgets_neither_objects_nor_keys(own_instance: Instance) -> None:
    """After SIGKILL and a start, the intent is there and its key still answers with it."""
    with running(Stripe(), own_instance) as server:
        paid = charge(stripe_client(own_instance.stripe_url, own_instance), "first")
        server.kill()
    with running(Stripe(), own_instance):
        client = stripe_client(own_instance.stripe_url, own_instance)
        assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"
        assert charge(client, "first").id == paid.id
        assert len(client.v1.payment_intents.list().data) == 1


def test_killed_at_any_moment_each_key_has_one_effect(own_instance: Instance) -> None:
    """Clients that repeat what was not answered, over three kills, end with one intent and one charge per key."""
    orders = (f"order-{number}" for number in itertools.count())
    taken: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        client = stripe_client(own_instance.stripe_url, own_instance)
        with contextlib.suppress(stripe.APIConnectionError):
            while True:
                with lock:
                    taken.append(order := next(orders))
                charge(client, order)

    for round_ in range(3):
        with running(Stripe(), own_instance) as server, ThreadPoolExecutor(3) as threads:
            already = len(taken)
            workers = [threads.submit(work) for _ in range(3)]
            while len(taken) < already + 10 + 7 * round_:
                assert not any(worker.done() for worker in workers)
            server.kill()
    with running(Stripe(), own_instance):
        client = stripe_client(own_instance.stripe_url, own_instance)
        for order in taken:
            charge(client, order)
        found = list(client.v1.payment_intents.list({"limit": 100}).auto_paging_iter())
        assert Counter(intent.metadata["orderId"] for intent in found) == Counter(taken)
        charges = list(client.v1.charges.list({"limit": 100}).auto_paging_iter())
        assert len(charges) == len(taken)
