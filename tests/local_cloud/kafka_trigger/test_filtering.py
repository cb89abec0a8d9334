"""FilterCriteria follow AWS's tables row by row (kafka-filtering, invocation-eventfiltering; F1 to F6)."""

import json
from typing import Any

import pytest

from millrace_plugin.kafka_trigger.filter_rules import InvalidPatternError
from millrace_plugin.kafka_trigger.filtering import Filter, check_pattern

Json = Any  # a pattern or a document


def passes(value: bytes | str | Json, *patterns: str | Json) -> bool:
    """Return whether the filters let this value pass. A filter that is no text is written as JSON."""
    texts = [pattern if isinstance(pattern, str) else json.dumps(pattern) for pattern in patterns]
    for text in texts:
        check_pattern(text)
    return Filter(texts).passes(value if isinstance(value, bytes) else json.dumps(value).encode())


PLAIN = '{"value": ["hello"]}'
DOCUMENT = '{"value": {"device": ["A"]}}'


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        (b"hello", PLAIN, True),
        (b"goodbye", PLAIN, False),
        (b"hello", DOCUMENT, True),
        (b'{"device": "B"}', PLAIN, True),
        (b'{"device": "A"}', DOCUMENT, True),
        (b'{"device": "B"}', DOCUMENT, False),
        (b"hello", "{}", True),
        (b'{"device": "A"}', "{}", True),
        (b"\xff\xfe", PLAIN, True),
        (b"\xff\xfe", DOCUMENT, True),
    ],
)
def test_f5_each_row_of_the_table_of_values_and_patterns(value: bytes, pattern: str, expected: bool) -> None:  # noqa: FBT001
    """A filter of the other kind is not applied to the value, so that the record passes."""
    assert passes(value, pattern) is expected


@pytest.mark.parametrize("pattern", [PLAIN, DOCUMENT])
def test_a_tombstone_passes_every_filter(pattern: str) -> None:
    """Deletes reach the function."""
    assert Filter([pattern]).passes(None)


def test_f1_filters_are_joined_by_or() -> None:
    """One that matches is enough, whichever."""
    patterns = [{"value": {"a": [1]}}, {"value": {"b": [1]}}]
    assert passes({"a": 1, "b": 2}, *patterns)
    assert passes({"a": 2, "b": 1}, *patterns)
    assert not passes({"a": 2, "b": 2}, *patterns)


@pytest.mark.parametrize(
    ("rule", "matching", "others"),
    [
        ([None], [None], ["null", 0, False, {}]),
        ([""], [""], [" ", None]),
        (["Alice"], ["Alice", ["Bob", "Alice"]], ["alice", {"Alice": 1}, ["Bob"], []]),
        ([True], [True], [1, "true", False]),
        ([1], [1], [True, "1", 2]),
        (["A", "B"], ["A", "B"], ["C"]),
        ([{"equals-ignore-case": "aLice"}], ["Alice", "ALICE"], ["Alicia", None, 5]),
        ([{"prefix": "us-"}], ["us-east-1", "us-"], ["eu-us-", 5, None, ["eu"]]),
        ([{"suffix": ".png"}], ["a.png"], ["a.PNG", "png", 5]),
        ([{"anything-but": "A"}], ["B", 5, None, True, ["A", "B"]], ["A", ["A"], [], {}]),
        ([{"anything-but": ["A", "B"]}], ["C"], ["A", "B"]),
        ([{"anything-but": [1, 2]}], [3, "1"], [1, 2]),
        ([{"numeric": ["=", 100]}], [100, 100.0], [101, "100", True, None]),
        ([{"numeric": [">", 10, "<=", 20]}], [11, 20, 10.5, [5, 15]], [10, 20.1, [5, 25]]),
        ([{"numeric": ["<", 0]}], [-1], [0, 1]),
        ([{"exists": True}], ["x", None, [0]], [{"x": 1}, {}, []]),
        ([{"exists": False}], [{"x": 1}, []], ["x", None]),
        ([{"exists": False}, "A"], ["A", []], ["B"]),
        ([{"numeric": ["=", 12345678901234567890123]}], [12345678901234567890123], [12345678901234567890124]),
    ],
)
def test_f3_each_documented_rule(rule: list[Json], matching: list[Json], others: list[Json]) -> None:
    """On a field that is a value, an array of values, or no value at all."""
    for value in matching:
        assert passes({"field": value}, {"value": {"field": rule}}), value
    for value in others:
        assert not passes({"field": value}, {"value": {"field": rule}}), value


def test_f3_a_missing_field_matches_exists_false_alone() -> None:
    """Whatever else is asked of it."""
    assert passes({"other": 1}, {"value": {"field": [{"exists": False}]}})
    for rule in ("A", None, {"anything-but": "A"}, {"exists": True}, {"prefix": ""}):
        assert not passes({"other": 1}, {"value": {"field": [rule]}}), rule


def test_f3_fields_are_joined_by_and_at_any_depth() -> None:
    """An object within the pattern is one within the document."""
    pattern = {"value": {"a": {"b": {"c": [1]}}, "d": ["x"]}}
    assert passes({"a": {"b": {"c": 1, "e": 2}}, "d": "x"}, pattern)
    assert not passes({"a": {"b": {"c": 1}}, "d": "y"}, pattern)
    assert not passes({"a": {"c": 1}, "d": "x"}, pattern)
    assert not passes({"a": 1, "d": "x"}, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"$or": [{"value": {"a": ["x"]}}, {"value": {"b": [{"numeric": [">", 5]}]}}]},
        {"value": {"$or": [{"a": ["x"]}, {"b": [{"numeric": [">", 5]}]}]}},
    ],
)
def test_f3_or_joins_several_fields(pattern: Json) -> None:
    """Around the value or within it."""
    assert passes({"a": "x", "b": 1}, pattern)
    assert passes({"a": "y", "b": 6}, pattern)
    assert not passes({"a": "y", "b": 5}, pattern)


def test_f3_or_stands_beside_other_fields() -> None:
    """Both have to match."""
    pattern = {"value": {"c": [1], "$or": [{"a": ["x"]}, {"b": ["x"]}]}}
    assert passes({"c": 1, "b": "x"}, pattern)
    assert not passes({"c": 2, "b": "x"}, pattern)
    assert not passes({"c": 1}, pattern)


def test_f4_numbers_are_equal_if_they_are_written_alike() -> None:
    """300, 300.0 and 3.0e2 are not; `numeric` compares what they mean."""
    written = ["300", "300.0", "3.0e2"]
    for pattern in written:
        for value in written:
            event = b'{"n": %b}' % value.encode()
            rules = {f"[{pattern}]": pattern == value, f'[{{"anything-but": [{pattern}]}}]': pattern != value}
            for rule, expected in (rules | {f'[{{"numeric": ["=", {pattern}]}}]': True}).items():
                assert passes(event, f'{{"value": {{"n": {rule}}}}}') is expected


def test_fields_of_one_pattern_object_match_within_one_element_of_an_array() -> None:
    """Not one field here and the other there."""
    pattern = {"value": {"items": {"kind": ["a"], "size": [1]}}}
    assert passes({"items": [{"kind": "b", "size": 2}, {"kind": "a", "size": 1}]}, pattern)
    assert not passes({"items": [{"kind": "b", "size": 1}, {"kind": "a", "size": 2}]}, pattern)
    absent = {"value": {"items": {"size": [{"exists": False}]}}}
    assert passes({"items": [{"kind": "a"}, {"kind": "b"}]}, absent)
    assert not passes({"items": [{"kind": "a"}, {"size": 1}]}, absent)


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        (b"error: disk", {"prefix": "error"}, True),
        (b"error", {"anything-but": ["error"]}, False),
        (b"ERROR", {"equals-ignore-case": "error"}, True),
        (b"7", {"numeric": [">", 5]}, True),
        (b"seven", {"numeric": [">", 5]}, False),
        (b"1_000", {"numeric": [">", 5]}, False),
        (b"1e99999999999999999999", {"numeric": [">", 5]}, False),
        (b"7", 7, True),
        (b"7", "7", True),
        (b"null", None, True),
        (b"true", True, True),
        (b"", "", True),
        (b"x", {"exists": True}, True),
        (b"x", {"exists": False}, False),
    ],
)
def test_plain_text_is_compared_as_it_is_written(value: bytes, rule: Json, expected: bool) -> None:  # noqa: FBT001
    """A number, true or null alone is plain text, too."""
    assert passes(value, {"value": [rule]}) is expected


@pytest.mark.parametrize(
    "value", [b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"n": NaN}', b'{"n": ' + b"1" * 9_000 + b"}"]
)
def test_no_value_can_stop_a_filter(value: bytes) -> None:
    """Deep nesting, huge numbers, and what only Python takes for JSON."""
    Filter(['{"value": {"n": [1]}}', '{"value": ["x"]}']).passes(value)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "not json",
        "[]",
        '"value"',
        '{"value": "x"}',
        '{"value": 5}',
        '{"value": null}',
        '{"value": []}',
        '{"value": {}}',
        '{"value": {"a": {}}}',
        '{"value": {"a": []}}',
        '{"value": {"a": "x"}}',
        '{"value": [["x"]]}',
        '{"key": ["x"]}',
        '{"value": ["x"], "topic": ["t"]}',
        '{"$or": [{"value": ["x"]}, {"partition": [1]}]}',
        '{"value": {"$or": [{"a": [1]}]}}',
        '{"value": {"$or": {"a": [1]}}}',
        '{"value": {"$or": [1, 2]}}',
        '{"value": {"$or": [{}, {"a": [1]}]}}',
        '{"value": [{"wildcard": "a*"}]}',
        '{"value": [{"cidr": "10.0.0.0/8"}]}',
        '{"value": [{"anything-but": {"prefix": "a"}}]}',
        '{"value": [{"anything-but": []}]}',
        '{"value": [{"anything-but": ["a", 1]}]}',
        '{"value": [{"anything-but": [null]}]}',
        '{"value": [{"prefix": {"equals-ignore-case": "a"}}]}',
        '{"value": [{"prefix": 5}]}',
        '{"value": [{"suffix": null}]}',
        '{"value": [{"equals-ignore-case": 5}]}',
        '{"value": [{"exists": "true"}]}',
        '{"value": [{"prefix": "a", "suffix": "b"}]}',
        '{"value": [{}]}',
        '{"value": [{"numeric": []}]}',
        '{"value": [{"numeric": 5}]}',
        '{"value": [{"numeric": [">"]}]}',
        '{"value": [{"numeric": ["!=", 5]}]}',
        '{"value": [{"numeric": [">", "5"]}]}',
        '{"value": [{"numeric": [">", true]}]}',
        '{"value": [{"numeric": ["<", 5, ">", 1]}]}',
        '{"value": [{"numeric": [">", 5, "<", 5]}]}',
        '{"value": [{"numeric": [">", 5, "<", 6, "<", 7]}]}',
        '{"value": [{"numeric": [">", 5, "<"]}]}',
        '{"value": [{"numeric": [">", 1e99999999999999999999]}]}',
        '{"value": ' + "[" * 2000,
        '{"value": ' + '{"a": ' * 600 + "[1]" + "}" * 601,
        '{"value": ["' + "x" * 4096 + '"]}',
    ],
)
def test_a_pattern_that_lambda_does_not_document_is_refused(pattern: str) -> None:
    """F-invalid: whatever would have no effect, or another one than on AWS."""
    with pytest.raises(InvalidPatternError, match=r"^Invalid filter pattern definition\. "):
        check_pattern(pattern)
