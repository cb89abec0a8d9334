"""Refunds that banks do not take and disputes, by Stripe's test cards."""

import pytest
import stripe

from tests.kit.servers import wait_until


def pay(client: stripe.StripeClient, card: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create({"amount": 500, "currency": "usd", "payment_method": card, "confirm": True})


def told(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> list[str]:
    """The types of the events about the intent's refunds and disputes, the oldest first."""
    several = client.raw_request("get", "/v1/events", limit=100).data["data"]
    about = [each for each in several if each["data"]["object"].get("payment_intent") == intent.id]
    return [each["type"] for each in reversed(about)]


def charge(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


def test_a_list_begins_with_the_newest(client: stripe.StripeClient) -> None:
    """So what has just happened is on the first page, whatever happened before."""
    intents = [pay(client, "pm_card_visa").id for _ in range(3)]
    assert [each.id for each in client.v1.payment_intents.list({"limit": 3}).data] == intents[::-1]
    assert {each.payment_intent for each in client.v1.charges.list({"limit": 3}).data} == set(intents)


def test_a_refund_that_the_bank_sends_back(client: stripe.StripeClient) -> None:
    """It succeeds at first and fails later, and the charge is not refunded any more; another one may be made."""
    intent = pay(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    assert charge(client, intent).refunded
    wait_until(lambda: client.v1.refunds.retrieve(refund.id).status == "failed")
    assert client.v1.refunds.retrieve(refund.id).failure_reason == "expired_or_canceled_card"
    assert (charge(client, intent).refunded, charge(client, intent).amount_refunded) == (False, 0)
    names = ["refund.created", "charge.refunded", "refund.failed", "refund.updated", "charge.refund.updated"]
    assert sorted(told(client, intent)) == sorted(names)
    assert client.v1.refunds.create({"payment_intent": intent.id}).amount == 500


def test_a_refund_that_the_bank_takes_later(client: stripe.StripeClient) -> None:
    """It is pending, and then succeeded."""
    intent = pay(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 200})
    assert refund.status == "pending"
    wait_until(lambda: client.v1.refunds.retrieve(refund.id).status == "succeeded")
    assert charge(client, intent).amount_refunded == 200


@pytest.mark.parametrize(("evidence", "end"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_a_dispute_is_decided_by_its_evidence(client: stripe.StripeClient, evidence: str, end: str) -> None:
    """While it is open and when it is lost, nothing can be refunded."""
    intent = pay(client, "pm_card_createDispute")
    [dispute] = [each for each in client.v1.disputes.list().data if each.payment_intent == intent.id]
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 500, "fraudulent")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"
    assert client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}}).status == end
    assert charge(client, intent).disputed == (end == "lost")
    names = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
    names += ["charge.dispute.funds_reinstated"] if end == "won" else []
    assert sorted(told(client, intent)) == sorted(names)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_an_inquiry_takes_no_money_and_can_be_refunded(client: stripe.StripeClient) -> None:
    """The bank only asks."""
    intent = pay(client, "pm_card_createDisputeInquiry")
    [dispute] = [each for each in client.v1.disputes.list().data if each.payment_intent == intent.id]
    assert dispute.status == "warning_needs_response"
    assert told(client, intent) == ["charge.dispute.created"]
    assert client.v1.refunds.create({"payment_intent": intent.id}).amount == 500
