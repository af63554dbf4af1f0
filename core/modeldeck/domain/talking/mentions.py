"""Mentions: ``@bob`` in a remark's text.

Nothing of them is in the ledger: they are read from the text, so a text that is removed takes them
along. What stands before the sign may be no letter, digit or ``. - + / @``, so that neither
``ann@bob.org`` nor ``churn@bob`` mentions anybody. A name that nobody has stays text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_MENTION = re.compile(
    r"(?<![\w.\-+/@])@([a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)", re.ASCII | re.IGNORECASE
)


def names(text: str) -> tuple[str, ...]:
    """Return the names that a text mentions, known or not, each once and in lower case.

    Examples
    --------
    >>> names("@Bob, see @carol. Not me@bob.org or churn@7. @bob!")
    ('bob', 'carol')
    """
    return tuple(dict.fromkeys(one.lower() for one in _MENTION.findall(text)))


def known(text: str, members: Iterable[str]) -> tuple[str, ...]:
    """Return the members that a text mentions."""
    there = set(members)
    return tuple(one for one in names(text) if one in there)


def unknown(text: str, members: Iterable[str]) -> Mapping[str, str]:
    """Return the names that a text mentions and nobody has, each with the nearest that is one.

    Examples
    --------
    >>> unknown("@bbo and @nobody, not @carol", ["bob", "carol"])
    {'bbo': 'bob', 'nobody': ''}
    """
    there = sorted(members)
    strange = [one for one in names(text) if one not in there]
    return {one: next(iter(difflib.get_close_matches(one, there, n=1)), "") for one in strange}
