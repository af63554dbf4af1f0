"""One line of a log: its bytes, what they tell, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from modeldeck.domain.documents import LogLine
from modeldeck.domain.logs.fields import of_line
from modeldeck.domain.logs.heads import NOTHING, Catalogue, Head
from modeldeck.domain.logs.stamps import to_text

MAX_LINE = 16 * 1024
"""Bytes of one line that are kept; the rest is counted."""

MAX_LAST = 4 * 1024
"""Bytes of a longer line's end that are kept for what a progress bar showed last."""

_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Line:
    """One line.

    Attributes
    ----------
    data : bytes
        At most :data:`MAX_LINE` bytes of it, without its newline.
    length : int
        Bytes of the whole line, without its newline.
    offset : int
        Where it begins in its log, see :mod:`modeldeck.store.logs.generations`.
    head : Head
        Level and time; those of the record that it belongs to when ``belongs``.
    number : int
        From 1; 0 where lines were not counted.
    name : str
        The log's name.
    source : int
        The log's place among those that are read together.
    belongs : bool
        Whether it goes on with the record of the line before.
    last : bytes
        The end of a line that was cut, where it holds a carriage return.
    """

    data: bytes
    length: int
    offset: int
    head: Head = NOTHING
    number: int = 0
    name: str = ""
    source: int = 0
    belongs: bool = False
    last: bytes = b""

    @property
    def level(self) -> str:
        """Its level; empty when it tells none."""
        return self.head.level

    @property
    def time(self) -> int | None:
        """When it was written, in microseconds since 1970."""
        return self.head.time

    @property
    def text(self) -> str:
        """Its text; what is no UTF-8 became U+FFFD, what was cut is counted."""
        data = self.data
        if not self.offset:
            data = data.removeprefix(_BOM)
        text = data.decode(errors="replace").removesuffix("\r")
        cut = self.length - len(self.data)
        return f"{text}… {cut:,} more bytes" if cut > 0 else text

    @property
    def shown(self) -> str:
        """Its text as a terminal would leave it: of a progress bar the last state.

        How many earlier states there were stands behind it. A line any of whose states looks like
        a record of a log is shown whole, so that none can be put in another's place.
        """
        if b"\r" not in self.data and not self.last:
            return self.text
        return last_state(self.data, self.last, is_record=self.head is not NOTHING) or self.text

    @property
    def fields(self) -> dict[str, object]:
        """Its fields: of a JSON object, of logfmt, or ``name=value`` within its text."""
        return dict(of_line(self.data))

    def document(self) -> LogLine:
        """Return it as programs read it."""
        at = "" if self.belongs else self.head.at
        return LogLine(
            source=self.name, line=self.number, at=at, level=self.head.level, text=self.text
        )

    @property
    def instant(self) -> str:
        """Its time in UTC as text; empty where the line tells no year or zone itself."""
        head = self.head
        return to_text(head.time) if head.is_exact and head.time is not None else ""


def last_state(data: bytes, last: bytes = b"", *, is_record: bool = False) -> str:
    r"""Return what a line with carriage returns shows at last; empty to show it whole.

    >>> last_state(b"10%\r50%\r100%\r")
    '100% ␍2'
    >>> last_state(b"x\r2026-11-23 07:10:11 INFO approved by alice")
    ''
    """
    if is_record:
        return ""
    states = [one for one in data.split(b"\r") if one.strip()]
    if last:
        states = [*states[:-1], *(one for one in last.split(b"\r")[1:] if one.strip())]
    if len(states) < 2:
        return ""
    catalogue = Catalogue()
    if any(catalogue.head(one) is not NOTHING for one in (states[0], states[-1])):
        return ""
    more = "+" if last else ""
    return f"{states[-1].decode(errors='replace')} ␍{len(states) - 1:,}{more}"
