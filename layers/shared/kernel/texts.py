"""Types of texts that must show something. The patterns work in Python and, for clients, in ECMA-262.

Invisible characters are allowed inside a text: Persian and some emoji are written with joiners.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

LAST_OF_BASIC_PLANE = 0xFFFF


def _escaped(code: int) -> str:
    # Python and ECMA-262 have no common escape for code points beyond.
    return f"\\u{code:04x}" if code <= LAST_OF_BASIC_PLANE else chr(code)


def _ranges(several: Iterable[tuple[int, int]]) -> str:
    return "".join(f"{_escaped(first)}-{_escaped(last)}" for first, last in several)


# Unicode's Cc, Cf, Zs, Zl and Zp, and others that are ignorable by default or blank: fillers of Hangul, empty Braille.
INVISIBLE_IN_BASIC_PLANE = _ranges(
    [
        *((0x0, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD)),
        *((0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x115F, 0x1160), (0x1680, 0x1680), (0x17B4, 0x17B5)),
        *((0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000)),
        *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
    ]
)
# Without the flag u, which not every client sets, ECMA-262 supports no ranges of these.
INVISIBLE_BEYOND = _ranges(
    [
        *((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),
        (0xE0000, 0xE0FFF),
    ]
)
# Control characters, line separators, and overrides of the text's direction.
OUT_OF_LINE = _ranges([(0x0, 0x1F), (0x7F, 0x9F), (0x2028, 0x202E), (0x2066, 0x2069)])

VISIBLE = f"[^{INVISIBLE_IN_BASIC_PLANE}{INVISIBLE_BEYOND}]"
ONE_LINE = f"^(?=.*{VISIBLE})[^{OUT_OF_LINE}]+$(?!\\n)"
# Shown to clients instead of the pattern.
EXPLANATIONS = {
    VISIBLE: "must contain a visible character",
    ONE_LINE: "must be one line with a visible character, and without control characters or overrides of the text direction",
}

type Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
"""For lists, notifications and subjects of e-mails."""

CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
"""Three letters, as ISO 4217 writes them. `kernel.currencies` knows which of them are currencies."""

type Message = Annotated[str, Meta(min_length=1, max_length=500, pattern=VISIBLE)]
"""One line or several."""
