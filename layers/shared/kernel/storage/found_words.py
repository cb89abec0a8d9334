"""Words that Postgres finds, and how they are shown.

Its parser takes `<word>` for markup, `&word;` for an entity and `word/word` for the name of a file, and hides the words
in them. So these signs are spaces where a text is indexed, in the query, and in the text that is shown until it is
parsed.
"""

import html
import re

HIT_START, HIT_END = "\x02", "\x03"
SIGNS = "<>&/@"
_STAND_INS = "\x04\x05\x06\x07\x08"
# For `translate` in SQL: signs become stand-ins; what is in a text in their place, or as a mark of hits, is removed.
SHOWN_FROM, SHOWN_TO = SIGNS + _STAND_INS + HIT_START + HIT_END, _STAND_INS
_SIGNS_BACK = str.maketrans(_STAND_INS, SIGNS)
_EXCLUDED_SIGN = re.compile(f"-[{SIGNS}]+")
_TO_SPACES = str.maketrans(SIGNS, " " * len(SIGNS))
LONGEST_SNIPPET = 1000
BEFORE_HIT = 300


def query(text: str) -> str:
    """Return *text*, as somebody searches for it, without signs. `-<word>` still excludes the word."""
    return _EXCLUDED_SIGN.sub("-", text).translate(_TO_SPACES)


def snippet(headline: str) -> str:
    """Return *headline* as safe HTML, its hits in `<mark>`: the only markup in it.

    A headline is counted in words, and a word may be as long as a text: it is cut around the first hit.
    """
    text = _cut(headline).translate(_SIGNS_BACK)
    return html.escape(text).replace(HIT_START, "<mark>").replace(HIT_END, "</mark>")


def _cut(headline: str) -> str:
    if len(headline) <= LONGEST_SNIPPET:
        return headline
    start = max(0, headline.find(HIT_START) - BEFORE_HIT)
    part = headline[start : start + LONGEST_SNIPPET]
    return part + HIT_END if part.count(HIT_START) > part.count(HIT_END) else part
