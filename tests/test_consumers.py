"""Every consumer says what it does with replays and with events that come again or late, and the documents say why."""

import importlib
import re

from kernel.operations.operation import Operation
from millrace_local.instance import ROOT
from tools import consumers

PAGE = ROOT / "docs" / "consumers.md"
ROW = re.compile(r"\| `(?P<name>[\w.]+)` \| (?P<replays>.+) \| (?P<twice>.+) \| (?P<late>.+) \| (?P<projection>.+) \|")
ROWS = {row["name"]: row.groupdict() for row in map(ROW.fullmatch, PAGE.read_text().splitlines()) if row}
CONSUMERS = {function.module: consumer for function, consumer in consumers.consumers()}
REASON = re.compile(r"(?P<answer>yes|no|same|doubled): [^|]{10,}")


def answers(column: str) -> dict[str, str]:
    """What the page says of each consumer in *column*, without the reason."""
    found = {name: REASON.fullmatch(row[column]) for name, row in ROWS.items()}
    assert all(found.values()), f"Each answer needs a reason: {[name for name, match in found.items() if not match]}"
    return {name: match["answer"] for name, match in found.items() if match}


def test_the_page_has_a_row_for_each_consumer() -> None:
    """In the order of their names."""
    assert list(ROWS) == sorted(CONSUMERS)


def test_the_page_says_who_ignores_replays() -> None:
    """As the code declares it, with a reason."""
    assert answers("replays") == {
        name: "yes" if consumer.ignores_replays else "no" for name, consumer in CONSUMERS.items()
    }


def test_the_page_says_whose_effect_needs_the_inbox() -> None:
    """As the code declares it, with a reason."""
    assert answers("twice") == {
        name: "same" if consumer.idempotent_without_inbox else "doubled" for name, consumer in CONSUMERS.items()
    }


def test_the_page_says_that_late_events_do_no_harm() -> None:
    """Nobody here has to be declared with `ordered=True`."""
    assert set(answers("late").values()) == {"same"}


def test_whatever_leaves_a_database_ignores_replays() -> None:
    """All of notifications and payments but their forgetting, and what leads to a charge or a refund."""
    ignoring = {name for name, consumer in CONSUMERS.items() if consumer.ignores_replays}
    of_domains = {name for name in CONSUMERS if name.startswith(("notifications.", "payments."))}

    assert ignoring - of_domains == {"catalog.on_order_events", "orders.on_payment_events"}
    assert of_domains - ignoring == {"payments.on_user_events"}


def test_the_page_says_whose_tables_can_be_rebuilt() -> None:
    """As the code declares it, with a reason; each has an operation of its domain that does it."""
    declared = {name: consumer.projection for name, consumer in CONSUMERS.items()}
    assert answers("projection") == {name: "yes" if tables else "no" for name, tables in declared.items()}
    for name, tables in declared.items():
        if tables:
            module = importlib.import_module(f"{name.partition('.')[0]}.rebuild_projection")
            assert isinstance(module.handler, Operation)
            assert module.handler.name == f"{name.partition('.')[0]}.rebuild_projection"
