"""Places within an entity: a point of a metric, a line of a log.

A place is written behind its entity, as the fragment of an address is::

    run:20261123-071011-k3f9wz#metric:auc@120      the value of auc at step 120
    run:20261123-071011-k3f9wz#log:57              line 57 of what the run wrote, from 1
    endpoint:churn@production#log:server-gpu1-812.log:57     that line of a server's log

People type the run's ending, and ``#auc@120`` for a metric that has no colon in its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modeldeck.errors import InvalidInputError

MOST_CHARACTERS = 400
"""A subject with its place has at most so many."""

_METRIC = re.compile(r"(?:metric:)?(.{1,250})@(-?[0-9]{1,15})", re.DOTALL)
_LOG = re.compile(r"log:(?:([A-Za-z0-9._-]{1,200}):)?([1-9][0-9]{0,14})")
_HINT = "A point is written #auc@120, a line of a log #log:57."


@dataclass(frozen=True, slots=True)
class Place:
    """A point of a metric (``name`` at the step ``number``) or a line (``number``) of a log.

    ``name`` of a log is the file of an endpoint's server; empty for a run's own output.
    """

    kind: str
    name: str
    number: int

    def __str__(self) -> str:
        """Return the place as a subject holds it."""
        if self.kind == "metric":
            return f"metric:{self.name}@{self.number}"
        return f"log:{self.name}:{self.number}" if self.name else f"log:{self.number}"


def split(subject: str) -> tuple[str, str]:
    """Return the entity that a subject is about, and the place within it; empty for none.

    Examples
    --------
    >>> split("run:20261123-071011-k3f9wz#log:57")
    ('run:20261123-071011-k3f9wz', 'log:57')
    >>> split("release:churn-1")
    ('release:churn-1', '')
    """
    if subject.startswith(("run:", "endpoint:")):
        entity, _sign, place = subject.partition("#")
        return entity, place
    return subject, ""


def parse(text: str, *, kind: str) -> Place:
    """Read a place within an entity of a kind.

    Examples
    --------
    >>> str(parse("val/auc@120", kind="run")), str(parse("log:57", kind="run"))
    ('metric:val/auc@120', 'log:57')

    Raises
    ------
    InvalidInputError
        It is none, or entities of that kind have no such places.
    """
    line = _LOG.fullmatch(text)
    if line is not None and (kind == "endpoint") == bool(line[1]):
        return Place("log", line[1] or "", int(line[2]))
    point = _METRIC.fullmatch(text)
    if point is not None and kind == "run" and not text.startswith("log:"):
        return Place("metric", point[1], int(point[2]))
    if kind == "endpoint":
        msg = f"{text[:80]!r} is no place of an endpoint."
        raise InvalidInputError(msg, "A line is written #log:FILE:57; `modeldeck logs` shows them.")
    msg = f"{text[:80]!r} is no place of a run."
    raise InvalidInputError(msg, _HINT)


def check(subject: str) -> None:
    """Refuse a subject whose place is not written as it has to be.

    Raises
    ------
    InvalidInputError
        It is not.
    """
    entity, place = split(subject)
    kind = entity.partition(":")[0]
    if len(subject) > MOST_CHARACTERS:
        msg = f"{subject[:80]!r} and so on is too long."
        raise InvalidInputError(msg, _HINT)
    if entity != subject and str(parse(place, kind=kind)) != place:
        msg = f"{place[:80]!r} is no place of {entity[:80]}."
        raise InvalidInputError(msg, _HINT)
