"""Events as the local Stripe sends them."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

from millrace_local.instance import HOST, Instance
from millrace_local.servers import stripe_account
from millrace_local.servers.stripe import Stripe
from tests.kit.servers import running
from tests.kit.stripe_clients import stripe_client

PATH = "/api/v1/payments/webhook"


@contextlib.contextmanager
def listening(instance: Instance, statuses: Iterator[int]) -> Iterator[queue.Queue[stripe.Event]]:
    """Where the application's API is: takes events, verified as Stripe's own library does, and answers *statuses*."""
    events: queue.Queue[stripe.Event] = queue.Queue()
    secret = stripe_account.local(instance).webhook_secrets[0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == PATH:
                events.put(stripe.Webhook.construct_event(payload, self.headers["Stripe-Signature"], secret))
            self.send_response(next(statuses, HTTPStatus.OK))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The events are what is looked at."""

    with HTTPServer((HOST, instance.ports["api"]), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield events
        finally:
            server.shutdown()
            serving.join()


def pay(instance: Instance, payment_method: str = "pm_card_visa") -> stripe.PaymentIntent:
    client = stripe_client(instance.stripe_url, instance)
    intent = client.v1.payment_intents.create({"amount": 700, "currency": "usd"})
    with contextlib.suppress(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": payment_method})
    return intent


def test_outcomes_reach_the_application_signed(own_instance: Instance) -> None:
    """Success, decline, cancellation and refund arrive, each with a signature that Stripe's library accepts."""
    with running(Stripe(), own_instance), listening(own_instance, iter(())) as events:
        client = stripe_client(own_instance.stripe_url, own_instance)
        paid, declined = pay(own_instance), pay(own_instance, "pm_card_visa_chargeDeclined")
        client.v1.payment_intents.cancel(declined.id)
        client.v1.refunds.create({"payment_intent": paid.id})
        arrived = [events.get(timeout=5) for _ in range(5)]
    about = {event.type: event.data.object for event in arrived}
    assert about["payment_intent.succeeded"]["id"] == paid.id
    assert about["payment_intent.payment_failed"]["last_payment_error"]["decline_code"] == "generic_decline"
    assert about["payment_intent.canceled"]["id"] == declined.id
    assert about["charge.refunded"]["payment_intent"] == paid.id
    assert about["charge.refunded"]["amount_refunded"] == 700
    assert about["refund.created"]["payment_intent"] == paid.id


def test_an_event_that_was_refused_is_sent_again(own_instance: Instance) -> None:
    """A 500 and a 503 are followed by another attempt with the same event id; a 200 by none."""
    refusals = iter([HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE])
    with running(Stripe(), own_instance), listening(own_instance, refusals) as events:
        pay(own_instance)
        first = [events.get(timeout=5).id for _ in range(3)]
        pay(own_instance)
        assert len(set(first)) == 1
        assert events.get(timeout=5).id != first[0]


def test_an_undelivered_event_survives_a_kill(own_instance: Instance) -> None:
    """What nobody took before SIGKILL is delivered by the next process."""
    with running(Stripe(), own_instance) as server:
        paid = pay(own_instance)
        server.kill()
    with listening(own_instance, iter(())) as events, running(Stripe(), own_instance):
        event = events.get(timeout=5)
    assert event.type == "payment_intent.succeeded"
    assert event.data.object["id"] == paid.id
