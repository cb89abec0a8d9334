"""What is charged is what was ordered, in every currency that there is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from kernel import currencies
from payments import model
from tests.payments.orders import created

DECIMALS = {each.code: each.exponent for each in Currency}


@given(st.sampled_from(sorted(DECIMALS)), st.integers(1, currencies.LARGEST_AMOUNT))
def test_stripe_charges_what_the_order_says(code: str, amount: int) -> None:
    """In all of ISO 4217, Stripe's reading of the amount is the order's; what it would read otherwise has failed."""
    payment = model.of_order(created(currency=code, amount=amount), "pm_card_visa")
    if payment.next_step is None:
        assert payment.failure_reason in ("invalid_currency", "invalid_amount")
    else:
        charged = Decimal(payment.amount).scaleb(-currencies.DECIMALS[code])
        assert charged == Decimal(amount).scaleb(-(DECIMALS[code] or 0))


def test_the_table_lists_living_currencies_and_all_that_are_counted_otherwise() -> None:
    """Whoever adds a currency to the table has to say so if ISO 4217 counts it in another unit."""
    assert set(currencies.DECIMALS) <= set(DECIMALS)
    differing = {code for code, decimals in currencies.DECIMALS.items() if decimals != DECIMALS[code]}
    assert differing == currencies.COUNTED_OTHERWISE


@pytest.mark.parametrize("code", ["USD", "EUR", "JPY", "KRW", "HUF", "TWD", "KWD"])
def test_charges_in_what_stripe_reads_alike(code: str) -> None:
    """HUF and TWD have no decimals in payouts alone."""
    assert list(currencies.charge_problems(500, code)) == []


@pytest.mark.parametrize("code", ["ISK", "UGX", "MGA", "XAU", "XXX", "CLF", "VED", "ANG", "usd", "", "dollars"])
def test_refuses_what_stripe_counts_otherwise_or_not_at_all(code: str) -> None:
    """With a reason that can be read, whatever the amount."""
    [problem] = currencies.charge_problems(501, code, amount_field="priceCents")
    assert problem.path == "currency"
    assert problem.message.startswith(("is not a currency", "cannot be charged: "))


@pytest.mark.parametrize("code", ["BHD", "JOD", "KWD", "OMR", "TND"])
def test_amounts_of_three_decimals_end_in_0(code: str) -> None:
    """5.124 is refused, 5.120 charged."""
    [problem] = currencies.charge_problems(5124, code, amount_field="priceCents")
    assert problem.path == "priceCents"
    assert "must end in 0" in problem.message
    assert list(currencies.charge_problems(5120, code)) == []


@pytest.mark.parametrize(
    ("code", "listed"), [("XAU", True), ("ISK", True), ("usd", False), ("ZZZ", False), ("", False)]
)
def test_the_ledger_takes_all_of_iso_4217(code: str, listed: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """It charges nobody, so how Stripe counts is nothing to it."""
    assert [each.path for each in currencies.ledger_problems(code)] == ([] if listed else ["currency"])
