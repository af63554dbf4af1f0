"""The text boundary: what comes from outside is made harmless where it enters the screen.

Terminals obey control sequences wherever they stand, and some characters cannot be seen or
reorder what is around them. Nothing is hidden: each such character becomes a visible mark, so
that nobody can write a name that looks like another one. Colours (SGR) alone are dropped.
"""

from __future__ import annotations

import re

MAX_LINE = 16 * 1024
"""Characters of one line that are shown; the rest is counted."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_INVISIBLE = (
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(f"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff{_INVISIBLE}]")


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def clean(text: str) -> str:
    r"""Return one line without anything that a terminal would obey or hide.

    Line breaks become marks too; see :func:`clean_lines` for text of several lines.

    >>> clean("a\x1b]0;owned\x07b"), clean("\x1b[31mred\x1b[0m"), clean("ab\u202ecd")
    ('a␛]0;owned␇b', 'red', 'ab�cd')
    """
    if text.isascii() and text.isprintable() and len(text) <= MAX_LINE:
        return text
    cut = len(text) - MAX_LINE
    text = text[:MAX_LINE]
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    text = _UNSAFE.sub(_mark, text.expandtabs(4))
    return f"{text}… {cut:,} more characters" if cut > 0 else text


def clean_whole(text: str) -> str:
    r"""Return what somebody signs made harmless: nothing is cut, and nothing dropped, not colours.

    >>> clean_whole("\x1b[31mred\tand\u202e")
    '␛[31mred␉and�'
    """
    return _UNSAFE.sub(_mark, text.replace("\t", "\u2409"))


def clean_lines(text: str) -> str:
    r"""Return text of several lines made harmless line by line.

    >>> clean_lines("one\r\ntwo\x07")
    'one\ntwo␇'
    """
    return "\n".join(clean(line) for line in text.replace("\r\n", "\n").split("\n"))
