"""Customers, and nobody else, see what became of their payments."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from payments import get_payment, store
from payments.disputes import Dispute
from payments.model import News, Payment
from payments.refunds import Refund
from tests.kit.api import Answer, call
from tests.kit.databases import Database
from tests.payments import orders

type SignIn = Callable[..., dict[str, str]]


def get(order_id: object, headers: dict[str, str]) -> Answer:
    return call(get_payment.handler, headers=headers, path={"orderId": str(order_id)})


def learn(payments: Database, payment: Payment, news: News) -> None:
    with payments.connect("app") as connection:
        store.change(connection, payment, news)


def test_shows_a_customer_their_payment(payments: Database, sign_in: SignIn) -> None:
    """What it is for, how far it got, and no secret once nothing is left for the client to do."""
    ada = uuid4()
    payment = orders.known(payments, customer_id=ada)
    learn(payments, payment, News(money="taken"))
    answer = get(payment.order_id, sign_in(ada))
    assert answer.status == 200
    assert answer.body == {
        "orderId": str(payment.order_id),
        "status": "completed",
        "amount": 500,
        "currency": "USD",
        "clientSecret": None,
        "failureReason": None,
        "amountRefunded": 0,
        "refundFailureReason": None,
        "disputes": [],
    }


def test_shows_what_was_given_back_and_disputed(payments: Database, sign_in: SignIn) -> None:
    """A refund that failed is not shown as made, and says why; a dispute says how far it is."""
    ada = uuid4()
    payment = orders.known(payments, customer_id=ada)
    made, failed = Refund("re_1", 200, "succeeded"), Refund("re_2", 300, "failed", "expired_or_canceled_card")
    dispute = Dispute("du_1", 500, "USD", "under_review", 1, is_closed=False, reason="fraudulent", withdrawn=True)
    learn(payments, payment, News(money="taken", refunds=(made, failed), disputes=(dispute,)))
    shown = get(payment.order_id, sign_in(ada)).body
    assert (shown["status"], shown["amountRefunded"], shown["refundFailureReason"]) == (
        "completed",
        200,
        "expired_or_canceled_card",
    )
    facts = {"amount": 500, "currency": "USD", "reason": "fraudulent", "fundsWithdrawn": True}
    assert shown["disputes"] == [{"disputeId": "du_1", "status": "under_review", **facts}]


def test_says_why_a_payment_failed(payments: Database, sign_in: SignIn) -> None:
    """In one word, once it has."""
    ada = uuid4()
    payment = orders.known(payments, customer_id=ada)
    learn(payments, payment, News(failure_reason="insufficient_funds"))
    assert get(payment.order_id, sign_in(ada)).body["failureReason"] is None
    learn(payments, orders.now(payments, payment), News(money="ended"))
    assert get(payment.order_id, sign_in(ada)).body["failureReason"] == "insufficient_funds"


@pytest.mark.parametrize("waiting_for", ["requires_payment_method", "requires_action"])
def test_gives_the_client_its_secret_while_it_has_something_to_do(
    payments: Database, sign_in: SignIn, waiting_for: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With it Stripe.js confirms the payment; it is in no log, and gone when the order is cancelled."""
    ada = uuid4()
    payment = orders.known(payments, payment_method=None, customer_id=ada)
    learn(payments, payment, News(waiting_for=waiting_for))  # type: ignore[arg-type]
    answer = get(payment.order_id, sign_in(ada))
    assert (answer.body["status"], answer.body["clientSecret"]) == (waiting_for, payment.client_secret)
    assert answer.headers["Cache-Control"] == "no-store"
    logged = capsys.readouterr()
    assert str(payment.client_secret) not in logged.out + logged.err
    learn(payments, orders.now(payments, payment), News(cancelled=True))
    answer = get(payment.order_id, sign_in(ada))
    assert (answer.body["status"], answer.body["clientSecret"]) == ("cancelling", None)


@pytest.mark.parametrize("whose", ["another's", "a guest's", "nobody's", "no id"])
def test_hides_what_is_not_the_callers(payments: Database, sign_in: SignIn, whose: str) -> None:
    """Another customer's payment is as absent as one that never was."""
    customers: dict[str, UUID | None] = {"another's": uuid4(), "a guest's": None}
    path = {"nobody's": str(uuid4()), "no id": "no-id"}.get(whose)
    path = path or str(orders.known(payments, customer_id=customers[whose]).order_id)
    assert get(path, sign_in(uuid4())).status == 404


def test_refuses_who_is_not_signed_in(payments: Database, sign_in: SignIn) -> None:
    """Without a token there is nothing to see."""
    assert get(uuid4(), {}).status == 401


@pytest.mark.parametrize("role", ["ro", "relay"])
def test_only_the_application_reads_client_secrets(payments: Database, role: str) -> None:
    """With one a payment could be confirmed in the customer's place."""
    with payments.connect(role) as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute("SELECT client_secret FROM payments")


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM payments", "UPDATE payments SET amount = 1", "UPDATE payments SET customer_id = gen_random_uuid()"],
)
def test_the_application_cannot_change_what_is_paid_and_by_whom(payments: Database, statement: str) -> None:
    """The database refuses it."""
    with payments.connect("app") as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(statement.encode())
