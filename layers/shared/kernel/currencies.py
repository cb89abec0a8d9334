"""The currencies that Stripe charges in, and which amounts of them: one table for catalog, orders and payments.

Amounts are in minor units of ISO 4217, and Stripe reads them in units of its own. Where the two differ, a customer would
be charged 100 times the price or a hundredth of it, so such a currency is refused. The ledger, which charges nobody,
takes all of ISO 4217.

Source: Stripe, "Supported currencies" (docs.stripe.com/currencies): "Supported presentment currencies", "Zero-decimal
currencies", "Three-decimal currencies", "Special cases", "Minimum and maximum charge amounts". Checked on 2026-11-26.
The tests compare the table with ISO 4217 as the package iso4217 has it.
"""

from decimal import Decimal

# Stripe's own limit in most currencies, for whatever the customer pays with.
LARGEST_AMOUNT = 99_999_999

_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
# ISK and UGX have no decimals any more, and Stripe goes on counting them in hundredths.
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK"
    " DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK"
    " LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN"
    " QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD"
    " YER ZAR ZMW"
)
_THREE = "BHD JOD KWD OMR TND"

# How many decimals an amount has that is sent to Stripe.
DECIMALS = {code: count for count, codes in ((0, _ZERO), (2, _TWO), (3, _THREE)) for code in codes.split()}
# ISO 4217 has 2 decimals for MGA, and none for ISK and UGX.
COUNTED_OTHERWISE = frozenset({"ISK", "MGA", "UGX"})
_ENDING_IN_0 = frozenset(_THREE.split())


def write(amount: int, code: str) -> str:
    """Return *amount* as people write it, as in `5.00 USD`."""
    return f"{Decimal(amount).scaleb(-DECIMALS.get(code, 0)):f} {code}".strip()


def refuse_currency(code: str) -> str | None:
    """Return what is wrong with charging in the currency *code*, as the end of a sentence; None if nothing is."""
    if code not in DECIMALS:
        return "is no currency that Stripe charges in"
    if code in COUNTED_OTHERWISE:
        return "cannot be charged: Stripe counts it in another unit than ISO 4217, so the amount would be another"
    return None


def refuse_amount(amount: int, code: str) -> str | None:
    """Return what is wrong with charging *amount* in the currency *code*, whatever its size; None if nothing is."""
    if code in _ENDING_IN_0 and amount % 10:
        return f"must end in 0: Stripe takes no more than 2 of the 3 decimals of {code}"
    return None
