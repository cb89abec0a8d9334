"""Free-form JSON has an end: in depth, in digits, and in what a stored value becomes."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import free_json


def found(text: str) -> list[str]:
    return [each.path for each in free_json.problems(free_json.read(text.encode()), "payload")]


@pytest.mark.parametrize(
    "number",
    [
        *("1e300", "1e-300", "-1e300", "1E+40", "123e-50", "1e-40", "0e50", "1.5e40", "1e99999999999999999999"),
        *("1" * 41, "0." + "1" * 40, "1" * 21 + "." + "1" * 20, "1" + "0" * 400),
    ],
)
def test_a_long_number_is_found(number: str) -> None:
    """Counted as Postgres writes it: before and after the point, an exponent written out."""
    assert found(f'{{"a": [1, {{"b": {number}}}]}}') == ["payload.a[1].b"]


@pytest.mark.parametrize(
    "number", ["0", "-0", "1e39", "1e-39", "1" * 40, "0." + "1" * 39, "3.14", "-12.5e10", "18446744073709551616"]
)
def test_a_number_of_40_digits_is_fine(number: str) -> None:
    """So is one that only looks like a long one, in a text."""
    assert found(f'{{"a": {number}, "b": "1e300", "1e300": "{number}"}}') == []


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_64_levels_are_fine_and_no_more(opening: str, closing: str) -> None:
    """Of lists, objects or both."""
    levels = 64 // len(closing)

    assert found(opening * levels + "1" + closing * levels) == []
    assert len(found(opening * (levels + 1) + "1" + closing * (levels + 1))) == 1


def test_a_name_given_twice_is_found() -> None:
    """Nobody knows which of the two was meant."""
    assert found('{"a": [{"b": 1, "c": 2, "b": 3}], "d": {"a": 1}}') == ["payload.a[0].b"]


@pytest.mark.parametrize(
    "text",
    ['{"a": NaN}', '{"a": "\\ud800"}', '{"\\udc00": 1}', '{"a": ["\\ud800x"]}', "[" * 100_000, '{"a": Infinity}'],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    """Also what one parser or another would take."""
    with pytest.raises((ValueError, RecursionError)):
        free_json.read(text.encode())


def postgres(value: object) -> str:
    """*value* as `jsonb` is written: no exponents, a space after each comma and colon."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {postgres(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(postgres, value)) + "]"
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else json.dumps(value)


def exactly(text: str) -> object:
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


@given(
    st.recursive(
        st.one_of(
            st.integers(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(),
            st.integers().map(lambda n: n * 10**60),
        ),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
        max_leaves=8,
    )
)
def test_a_shortened_text_has_the_same_value(value: object) -> None:
    """Nothing is rounded, and no text is touched."""
    written = postgres(value)

    assert exactly(free_json.shorten(written)) == exactly(written)
    assert len(free_json.shorten(written)) <= len(written)


def test_rows_of_zeros_are_shortened() -> None:
    """To about the size in which they were sent."""
    assert free_json.shorten(postgres({"a": [1e300, -1e-300, 1.5e200], "b": "1" + "0" * 40})) == (
        '{"a": [1e300, -1e-300, 15e199], "b": "1' + "0" * 40 + '"}'
    )
