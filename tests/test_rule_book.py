"""The Kafka trigger's rule book: every code that the tree cites has its rule, and every rule its test."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "docs" / "kafka-trigger.md"
CITED_IN = (
    *("localstack/**/*.py", "layers/shared/kernel/**/*.py", "functions/**/*.py", "docs/**/*.md"),
    *("tests/local_cloud/kafka_trigger/*.py", "tests/kernel/*.py"),
)
LETTERS = "BCDFGLMPRSVX"
CODE = re.compile(rf"\b[{LETTERS}]\d{{1,2}}b?\b|\b[DF]-(?:S3|age|invalid|order|self|table|tombstone)\b")
BUCKETS = "S3"  # the service of AWS, which looks like a code
TEST_NAME = re.compile(rf"def test_((?:[{LETTERS.lower()}]\d{{1,2}}b?_(?:to_)?)+)")
SECTIONS = re.compile(r"\(?\bsections? (\d+(?:\.\d)?)(?:(?:, | and | to )(\d+(?:\.\d)?))*")
RULE = re.compile(r"^- \*\*([A-Z][\w-]*)\*\* (.+?)(?=\n\n|\n- |\n\|)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(test_\w+\.py)::(test_\w+)\]\(\.\./(tests/[\w/]+/(test_\w+\.py))\)")
RULES = RULE.findall(BOOK.read_text() + "\n\n")


def sources() -> Iterator[Path]:
    for pattern in CITED_IN:
        yield from (file for file in ROOT.glob(pattern) if file != BOOK)


def cited_codes(text: str) -> set[str]:
    names = {
        part.upper() for found in TEST_NAME.findall(text) for part in found.replace("_to_", "_").split("_") if part
    }
    in_text = set(CODE.findall(text)) - {BUCKETS}
    return in_text | {re.sub(r"B$", "b", name) for name in names}


def test_every_rule_that_the_tree_cites_has_its_sentence() -> None:
    """A code in a comment, a docstring, the name of a test or a document; a range cites its ends."""
    rules = {code for code, _ in RULES}
    unknown = {
        f"{file.relative_to(ROOT)}: {code}" for file in sources() for code in cited_codes(file.read_text()) - rules
    }
    assert not unknown


def test_the_trigger_cites_rules_at_all() -> None:
    """Or the test above would find nothing wrong with anything."""
    cited = set[str]().union(*(cited_codes(file.read_text()) for file in sources()))
    assert {"P8", "R6", "C5", "M1", "G7", "D-S3", "X1b", "V7"} <= cited


def test_every_section_that_the_trigger_cites_exists() -> None:
    sections = set(re.findall(r"^###? (\d+(?:\.\d)?)", BOOK.read_text(), re.MULTILINE))
    for folder in ("localstack/millrace_plugin/kafka_trigger", "tests/local_cloud/kafka_trigger"):
        for file in (ROOT / folder).rglob("*.py"):
            cited = {number for found in SECTIONS.findall(file.read_text()) for number in found if number}
            assert cited <= sections, file


def test_no_code_stands_for_two_rules() -> None:
    codes = [code for code, _ in RULES]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize(("code", "text"), RULES, ids=[code for code, _ in RULES])
def test_every_rule_links_a_test_that_exists_or_says_that_it_is_not_done(code: str, text: str) -> None:
    """The name in the link is the test's own, and the address its file's."""
    links = LINK.findall(text)
    assert links or "Not done" in text, code
    for name, test, path, file in links:
        assert name == file
        assert f"def {test}(" in (ROOT / path).read_text(), f"{code}: {path}::{test}"
