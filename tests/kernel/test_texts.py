"""Texts with something to see in them."""

import re
import sys
import unicodedata
from typing import Any

import msgspec
import pytest

from kernel import texts
from kernel.texts import Line, Message
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from tests.kit.api import call


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Line
    message: Message = "Hello."


@endpoint()
def write(request: Request[Words]) -> Words:
    return request.body


def problems(**words: str) -> dict[str, Any]:
    answer = call(write, "POST", words)
    return {each["path"]: each["message"] for each in answer.body["errors"]} if answer.status == 400 else {}


def test_what_shows_nothing_is_no_text() -> None:
    """Every space, control and format character of this Unicode, alone and together."""
    kinds = ("Cc", "Cf", "Zs", "Zl", "Zp")
    invisible = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in kinds]

    assert [each for each in invisible if re.search(texts.VISIBLE, each)] == []
    assert len(invisible) > 200


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\ufeff",
        "\u202e",
        "\u3164",
        "\u2800",
        "\u00ad",
        "\u200d\ufe0f",
        "\u3000",
        " \u2003",
        "\U000e0041",
        "\u034f",
    ],
    ids=ascii,
)
def test_an_invisible_text_is_refused(text: str) -> None:
    """In words that a person understands."""
    assert problems(title=text) == {"title": texts.EXPLANATIONS[texts.ONE_LINE]}
    assert problems(title="a", message=text) == {"message": texts.EXPLANATIONS[texts.VISIBLE]}


@pytest.mark.parametrize(
    "text",
    ["evil\u202etxt.exe", "a\u2066b", "a\u2028b", "a\nb", "a\n", "\na", "a\tb", "a\x85b", "a\x7fb", "\u202aa\u202c"],
    ids=ascii,
)
def test_a_line_is_one_line_in_one_direction(text: str) -> None:
    """What breaks lines or turns the text around it may be in no title."""
    assert problems(title=text) == {"title": texts.EXPLANATIONS[texts.ONE_LINE]}


@pytest.mark.parametrize(
    "text",
    [
        *("A title", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        *("\u2764\ufe0f", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\u05d0\u200f!"),
        *("\u0e20\u0e32\u0e29\u0e32\u200b\u0e44\u0e17\u0e22", "\u4f60\u597d", "co\u00adoperate", "."),
    ],
    ids=ascii,
)
def test_what_people_write_is_taken(text: str) -> None:
    """Persian with its non-joiners, families and flags of emoji, Thai with its breaks, Hebrew with its marks."""
    assert problems(title=text, message=f"{text}\n{text}") == {}
