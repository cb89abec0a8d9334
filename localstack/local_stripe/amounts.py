"""The amounts that Stripe charges: currencies, minimums and steps.

localstripe takes any number of any currency. Stripe: "Supported currencies", with "Special cases" and "Minimum and maximum
charge amounts"; "Error codes". Checked on 2026-11-26.
"""

from typing import Any

from localstripe.resources import Charge, try_convert_to_int

from kernel import currencies
from local_stripe import errors

# In Stripe's units, for an account whose bank has the same currency; for all others it depends on the rate of the day.
MINIMUMS = {
    code: amount
    for amount, codes in (
        (30, "GBP"),
        (50, "ARS AUD BRL CAD CHF COP EUR IDR ILS INR JPY KRW NZD PHP RUB SGD USD ZAR"),
        (200, "AED MYR PLN RON"),
        (250, "DKK"),
        (300, "NOK SEK"),
        (400, "HKD"),
        (1_000, "MXN THB"),
        (1_500, "CZK"),
        (17_500, "HUF"),
    )
    for code in codes.split()
}
# Currencies without decimals that Stripe counts in hundredths.
WHOLE_UNITS = {"ISK", "UGX"}
THREE_DECIMALS = 3

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    create = Charge._api_create

    def create_checked(**parameters: Any) -> Any:
        amount, currency = check(parameters.pop("amount", None), parameters.pop("currency", None))
        return create(amount=amount, currency=currency, **parameters)

    Charge._api_create = create_checked


def check(amount: Any, currency: Any) -> tuple[int, str]:
    """Return amount and currency as Stripe stores them. Raises StripeError as Stripe does if they are refused."""
    wanted = integer("amount", amount)
    code = _currency(currency)
    if wanted > currencies.LARGEST_AMOUNT:
        message = f"Amount must be no more than {_format(currencies.LARGEST_AMOUNT, code)}"
        raise errors.invalid_request(message, code="amount_too_large", param="amount")
    if wanted < MINIMUMS.get(code, 1):
        message = f"Amount must be at least {_format(MINIMUMS[code], code)}"
        raise errors.invalid_request(message, code="amount_too_small", param="amount")
    step = _step(code)
    if wanted % step:
        message = f"Invalid amount: in {code.lower()} it must be evenly divisible by {step}"
        raise errors.invalid_request(message, param="amount")
    return wanted, code.lower()


def integer(name: str, value: Any) -> int:
    """Return the positive integer that the parameter *name* has to be."""
    if value is None:
        raise errors.invalid_request(f"Missing required param: {name}.", code="parameter_missing", param=name)
    number = try_convert_to_int(value) if not isinstance(value, float) else value
    if type(number) is not int:
        raise errors.invalid_request(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if number < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.invalid_request(message, code="parameter_invalid_integer", param=name)
    return number


def _currency(currency: Any) -> str:
    if not currency:
        raise errors.invalid_request("Missing required param: currency.", code="parameter_missing", param="currency")
    code = str(currency).upper()
    if code not in currencies.DECIMALS:
        known = ", ".join(currencies.DECIMALS).lower()
        message = f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}"
        raise errors.invalid_request(message, param="currency")
    return code


def _step(code: str) -> int:
    if code in WHOLE_UNITS:
        return 100
    return 10 if currencies.DECIMALS[code] == THREE_DECIMALS else 1


def _format(amount: int, code: str) -> str:
    return currencies.write(amount, code).lower()
