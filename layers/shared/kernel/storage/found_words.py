"""Words for Postgres's full text search, and snippets of its hits.

Its parser reads `<word>` as markup, `&word;` as an entity and `word/word` as a file name, and does not find the words
in them. So these signs are replaced by spaces in indexed texts and in queries. In snippets they are replaced by
stand-ins until the text is parsed.
"""

import html
import re

HIT_START, HIT_END = "\x02", "\x03"
SIGNS = "<>&/@"
_STAND_INS = "\x04\x05\x06\x07\x08"
# For `translate` in SQL: signs become stand-ins. Stand-ins and marks of hits in the text itself are removed.
SHOWN_FROM, SHOWN_TO = SIGNS + _STAND_INS + HIT_START + HIT_END, _STAND_INS
_SIGNS_BACK = str.maketrans(_STAND_INS, SIGNS)
_EXCLUDED_SIGN = re.compile(f"-[{SIGNS}]+")
_TO_SPACES = str.maketrans(SIGNS, " " * len(SIGNS))
LONGEST_SNIPPET = 1000
BEFORE_HIT = 300


def query(text: str) -> str:
    """Return the query *text* without signs. `-<word>` still excludes the word."""
    return _EXCLUDED_SIGN.sub("-", text).translate(_TO_SPACES)


def snippet(headline: str) -> str:
    """Return *headline* as safe HTML, with its hits in `<mark>`, the only markup.

    Postgres limits a headline by words, and a word may be as long as a text. So it is cut around the first hit.
    """
    text = _cut(headline).translate(_SIGNS_BACK)
    return html.escape(text).replace(HIT_START, "<mark>").replace(HIT_END, "</mark>")


def _cut(headline: str) -> str:
    if len(headline) <= LONGEST_SNIPPET:
        return headline
    start = max(0, headline.find(HIT_START) - BEFORE_HIT)
    part = headline[start : start + LONGEST_SNIPPET]
    return part + HIT_END if part.count(HIT_START) > part.count(HIT_END) else part
