"""Checks of currencies and amounts: one table for what Stripe charges, and ISO 4217 for the ledger.

Amounts are in minor units of ISO 4217, and Stripe has units of its own. Where the two differ, a customer would be charged
100 times the price or a hundredth of it, so such a currency is refused. The ledger, which charges nobody, accepts all of
ISO 4217.

Source: Stripe, "Supported currencies" (docs.stripe.com/currencies): "Supported presentment currencies", "Zero-decimal
currencies", "Three-decimal currencies", "Special cases", "Minimum and maximum charge amounts". Checked on 2026-11-26.
The tests compare the table with ISO 4217 as the package iso4217 has it.
"""

from collections.abc import Iterator
from decimal import Decimal

from kernel.errors import FieldProblem

# Stripe's limit in most currencies, with any payment method.
LARGEST_AMOUNT = 99_999_999

_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
# ISK and UGX have no decimals any more, but Stripe still counts them in hundredths.
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK"
    " DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK"
    " LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN"
    " QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD"
    " YER ZAR ZMW"
)
_THREE = "BHD JOD KWD OMR TND"

# The number of decimals of an amount that is sent to Stripe.
DECIMALS = {code: count for count, codes in ((0, _ZERO), (2, _TWO), (3, _THREE)) for code in codes.split()}
# ISO 4217 has 2 decimals for MGA, and none for ISK and UGX.
COUNTED_OTHERWISE = frozenset({"ISK", "MGA", "UGX"})
_ENDING_IN_0 = frozenset(_THREE.split())


def write(amount: int, code: str) -> str:
    """Return *amount* as text for people: `5.00 USD`."""
    return f"{Decimal(amount).scaleb(-DECIMALS.get(code, 0)):f} {code}".strip()


def charge_problems(amount: int, code: str, *, amount_field: str = "amount") -> Iterator[FieldProblem]:
    """Find what is wrong with charging *amount* in the currency *code*, whatever the size of the amount.

    *amount_field*: the name of the field that holds the amount.
    """
    if code not in DECIMALS:
        yield FieldProblem("currency", "is not a currency that Stripe charges in")
    elif code in COUNTED_OTHERWISE:
        message = (
            "cannot be charged: Stripe and ISO 4217 count it in different units, so another amount would be charged"
        )
        yield FieldProblem("currency", message)
    elif code in _ENDING_IN_0 and amount % 10:
        message = f"must end in 0: Stripe uses only 2 of the 3 decimals of {code}"
        yield FieldProblem(amount_field, message)


def ledger_problems(code: str) -> Iterator[FieldProblem]:
    """Find what is wrong with booking amounts in the currency *code*. The ledger takes every currency of ISO 4217."""
    from iso4217 import Currency  # noqa: PLC0415 - 30 ms that only the ledger's requests need

    if code not in Currency:
        yield FieldProblem("currency", "is not a currency code of ISO 4217")
