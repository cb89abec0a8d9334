"""The cause of a dead letter: what has one fingerprint, and what has another."""

import importlib.util
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from kernel.contracts.event import MalformedError
from kernel.contracts.orders import OrderCreated
from kernel.errors import refuse_fields
from kernel.messaging import causes, events
from kernel.messaging.causes import Cause
from kernel.messaging.events import Reader
from tests.kit.lambda_events import record

CODE = """
from kernel.errors import ConflictError, FieldProblem

def refuse(name):
    inner(name)

def inner(name):
    raise ConflictError(f"{name} is refused")

def other(name):
    raise ConflictError(f"{name} is refused")

def bug(name):
    return {}[name]

def through_the_kernel(call):
    call([FieldProblem("amount", "is wrong")])
"""

type Load = Callable[[str, str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a module of a domain from a folder of its own, as it is installed on Lambda or on a laptop."""

    def from_folder(root: str, code: str) -> ModuleType:
        file = tmp_path / root / "shop" / "rules.py"
        file.parent.mkdir(parents=True)
        file.write_text(textwrap.dedent(code))
        spec = importlib.util.spec_from_file_location("shop.rules", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "shop.rules", module)
        spec.loader.exec_module(module)
        return module

    return from_folder


def cause(call: Callable[..., object], *arguments: object) -> Cause:
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return causes.of(error, "shop")
    raise AssertionError


def unreadable(value: bytes) -> Cause:
    with pytest.raises(MalformedError) as caught:
        Reader(OrderCreated).read(events.parse(record(value)))
    return causes.of(caught.value, "shop")


def test_names_the_innermost_line_of_the_domain(load: Load) -> None:
    """Relative to `functions/`, whatever folder the code is in; the kernel's own lines below it are not the cause."""
    module = load("var/task", CODE)

    assert cause(module.refuse, "x").where == "shop/rules.py:8"
    assert cause(module.through_the_kernel, refuse_fields).where == "shop/rules.py:17"


def test_is_the_same_on_lambda_and_on_a_laptop_and_after_an_edit_elsewhere(load: Load) -> None:
    """It depends on module and function, and not on folder and line."""
    on_lambda = cause(load("var/task", CODE).refuse, "x")
    elsewhere = cause(load("home/me/functions", "# a comment\n\n" + CODE).refuse, "y")

    assert on_lambda.fingerprint == elsewhere.fingerprint
    assert on_lambda.where != elsewhere.where
    assert len(on_lambda.fingerprint) == 16
    assert int(on_lambda.fingerprint, 16)


def test_another_function_or_another_error_is_another_cause(load: Load) -> None:
    """The message is not looked at: it quotes the record."""
    module = load("var/task", CODE)
    calls = (module.refuse, module.other, module.bug)

    assert len({cause(call, name).fingerprint for call in calls for name in ("a", "b")}) == 3


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (b"not JSON", b"junk"),
        (b'{"type": "OrderCreated"}', b'{"type": "OrderCreated", "amount": 5}'),
        (
            b'{"type": "OrderCreated", "orderId": 1, "amount": 1}',
            b'{"type": "OrderCreated", "orderId": 2, "amount": 7}',
        ),
        (b'{"type": "OrderCreated", "orderId": "1"}', b'{"type": "OrderCreated", "orderId": "22"}'),
    ],
)
def test_unreadable_records_of_one_kind_have_one_cause(one: bytes, another: bytes) -> None:
    """Their values, indices and positions differ."""
    assert unreadable(one).fingerprint == unreadable(another).fingerprint


def test_unreadable_records_of_different_kinds_have_different_causes() -> None:
    """The field and the kind of mistake tell; the place is the kernel's."""
    kinds = [b"", b"x", b"{}", b'{"type": "OrderCreated"}', b'{"type": "OrderCreated", "orderId": 5}']
    found = [unreadable(value) for value in kinds]

    assert len({each.fingerprint for each in found}) == len(kinds)
    assert {str(each.where).partition(":")[0] for each in found} == {"kernel/messaging/events.py"}


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Expected `int`, got `str` - at `$.items[3].quantity`", "Expected `int`, got `str` - at `$.items….quantity`"),
        ("Invalid enum value 'PURCHASE' - at `$.c`", "Invalid enum value … - at `$.c`"),
        ("payload.secret[5].x is nested deeper than 64", "payload is nested deeper than …"),
        ("JSON is malformed: invalid character (byte 12)", "JSON is malformed: invalid character (byte …)"),
    ],
)
def test_a_message_without_values_tells_the_kind_of_the_mistake(message: str, kept: str) -> None:
    assert causes.without_values(message) == kept


def test_an_error_that_was_never_raised_has_its_class_alone() -> None:
    """Nothing says where it comes from."""
    assert causes.of(ValueError("x"), "shop") == Cause(causes.fingerprint(["ValueError"]), None)
