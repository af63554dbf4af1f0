"""Values about a ledger's later life: broken places, lost entries, adopted copies, anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modeldeck.errors import InvalidInputError

ANCHOR = "modeldeck-anchor"
_ANCHOR = re.compile(
    rf"{ANCHOR} (?P<workspace>[0-9a-f]{{64}}) (?P<n>[1-9][0-9]{{0,15}}) (?P<head>[0-9a-f]{{64}})"
    r" (?P<at>[0-9TZ:.-]{1,40})"
)


@dataclass(frozen=True, slots=True)
class Break:
    """A place where entry ``n + 1`` continues other bytes than those that entry ``n`` has now.

    Attributes
    ----------
    n : int
        The entry before the break.
    digest : str
        Digest of the bytes that stand there now: the stand-in.
    wanted : str
        Digest that entry ``n + 1`` names.
    acknowledged : int
        The entry by which owners acknowledged the place; 0 while they did not.
    """

    n: int
    digest: str
    wanted: str
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What owners said is lost for good: the entries after ``n``, as far as ``lost_n``."""

    n: int
    lost_n: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """What owners vouch for after a copy: who owned the original's files up to entry ``n``.

    ``excluded`` are entries whose files belonged to somebody else than their authors there.
    """

    n: int
    head: str
    excluded: frozenset[int]

    def covers(self, n: int) -> bool:
        """Say whether the author of an entry owned its file in the original."""
        return n <= self.n and n not in self.excluded


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head written down elsewhere: in a ticket, a tag, a chat.

    Its line is ``modeldeck-anchor WORKSPACE N HEAD TIME``: the workspace's id, the entry's number
    and digest, and when it was read.
    """

    workspace: str
    n: int
    head: str
    at: str

    @property
    def line(self) -> str:
        """The anchor as one line."""
        return f"{ANCHOR} {self.workspace} {self.n} {self.head} {self.at}"


def anchor_from(text: str) -> Anchor:
    """Read the last anchor that stands in a text.

    Raises
    ------
    InvalidInputError
        There is none.

    Examples
    --------
    >>> line = f"see: modeldeck-anchor {'a' * 64} 7 {'b' * 64} 2026-11-23T07:10:11.123456Z."
    >>> anchor_from(line).n
    7
    """
    found = None
    for found in _ANCHOR.finditer(text):  # noqa: B007 -- the last one is wanted
        pass
    if found is None:
        msg = f"{text[:60]!r} holds no anchor."
        raise InvalidInputError(msg, "`modeldeck ledger anchor` prints one.")
    return Anchor(found["workspace"], int(found["n"]), found["head"], found["at"].rstrip("."))
