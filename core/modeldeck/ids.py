"""Names and ids: what may be a name, ids that sort by time, and the short forms that people type.

An id is ``20261123-071011-k3f9wz``: UTC to the second, then six random characters. People see and
type the suffix, or any ending of the id that is unique. Names of models, experiments,
environments and people are ASCII slugs, so that no two of them can look alike.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime

from modeldeck.errors import InvalidInputError, NotFoundError, UsageError

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case: no i, l, o, u
_SUFFIX, _BITS = 6, 5
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-hjkmnp-tv-z]{6}", re.ASCII)


def new_id(now: datetime) -> str:
    """Return a new id for something that began at ``now`` (aware, UTC)."""
    bits = secrets.randbits(_SUFFIX * _BITS)
    suffix = "".join([_ALPHABET[bits >> at & 31] for at in range(0, _SUFFIX * _BITS, _BITS)])
    return f"{now:%Y%m%d-%H%M%S}-{suffix}"


def is_id(text: str) -> bool:
    """Say whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def short(identifier: str) -> str:
    """Return the part of an id that people see: its random suffix.

    Examples
    --------
    >>> short("20261123-071011-k3f9wz")
    'k3f9wz'
    """
    return identifier.rsplit("-", 1)[-1]


def month_of(identifier: str) -> str:
    """Return the month folder of a run's id.

    Examples
    --------
    >>> month_of("20261123-071011-k3f9wz")
    '2026-11'
    """
    return f"{identifier[:4]}-{identifier[4:6]}"


def is_name(text: str) -> bool:
    """Say whether a text may name a model, experiment, environment or person.

    Notes
    -----
    One to 64 characters of ``a-z 0-9 . _ -``, beginning and ending with a letter or digit, and
    not all digits (``churn@7`` must be a version, ``churn@production`` an endpoint).

    Examples
    --------
    >>> is_name("churn"), is_name("42"), is_name("../etc"), is_name("a..b")
    (True, False, False, False)
    """
    return _NAME.fullmatch(text) is not None and not text.isdigit() and ".." not in text


def check_name(text: str, what: str) -> str:
    """Return the text if it may be a name.

    Raises
    ------
    InvalidInputError
        It may not; ``what`` says what it should have named.
    """
    if not is_name(text):
        msg = f"{text[:80]!r} cannot be the name of {what}."
        hint = "Use 1 to 64 characters of a-z, 0-9, dot, dash and underscore, not digits alone."
        raise InvalidInputError(msg, hint, name=text)
    return text


def resolve(typed: str, known: Iterable[str], *, what: str) -> str:
    """Find the one id that ends with what somebody typed.

    Raises
    ------
    NotFoundError
        No id ends so.
    UsageError
        Several do.
    """
    wanted = typed.split(":", 1)[-1].strip()
    if not wanted:
        msg = f"Name the {what}."
        raise UsageError(msg)
    matches = []
    for identifier in known:
        if identifier == wanted:
            return identifier
        if identifier.endswith(wanted):
            matches.append(identifier)
    if not matches:
        msg = f"There is no {what} {typed[:80]!r}."
        raise NotFoundError(msg, f"`modeldeck {what} list` shows those there are.", name=typed)
    if len(matches) > 1:
        msg = f"{typed[:80]!r} fits {len(matches)} {what}s."
        raise UsageError(msg, "Type more of its end.", matches=sorted(matches)[:10])
    return matches[0]


def nearest(typed: str, known: Iterable[str]) -> str:
    """Return the question whether a name was meant that is near what somebody typed.

    >>> nearest("wein@1", ["churn@1", "wine@1"]), nearest("wein@1", [])
    ('Did you mean wine@1? ', '')
    """
    from difflib import get_close_matches

    near = get_close_matches(typed.rpartition(":")[2], [*known], n=1)
    return f"Did you mean {near[0]}? " if near else ""
