"""What was done from this screen: the log of deeds and messages, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MOST = 500
Undo = Callable[[Any], object]


@dataclass(slots=True)
class Deed:
    """Something that a person asked for; ``undo`` gets its result, or is None.

    ``tell`` says more about the result, such as the key that signed it.
    """

    number: int
    at: datetime
    command: str
    done: str
    action: Callable[[], object]
    undo: Undo | None = None
    tell: Callable[[object], str] | None = None
    result: Any = None
    outcome: str = "doing"
    is_error: bool = False


@dataclass(slots=True)
class Memory:
    """Deeds and messages of one screen, oldest first."""

    deeds: list[Deed] = field(default_factory=list)
    messages: list[tuple[datetime, str, str]] = field(default_factory=list)
    undone: list[Deed] = field(default_factory=list)
    _number: int = 0

    def begin(
        self, action: Callable[[], object], done: str, *, command: str, undo: Undo | None
    ) -> Deed:
        """Note a deed that begins."""
        self._number += 1
        deed = Deed(self._number, datetime.now(UTC), command, done, action, undo)
        self.deeds = [*self.deeds[-MOST:], deed]
        return deed

    def deed(self, number: int) -> Deed | None:
        """Return a deed."""
        return next((one for one in self.deeds if one.number == number), None)

    def said(self, text: str, severity: str) -> None:
        """Note a message."""
        self.messages = [*self.messages[-MOST:], (datetime.now(UTC), severity, text)]

    def to_undo(self) -> Deed | None:
        """Return the last deed that can be undone."""
        able = (one for one in reversed(self.deeds) if one.undo and one.outcome == "done")
        return next(able, None)

    def lines(self) -> list[tuple[str, str]]:
        """Return deeds and messages by time, as styled lines."""
        rows = [(one.at, _deed_text(one), "bad" if one.is_error else "") for one in self.deeds]
        styles = {"error": "bad", "warning": "warn"}
        rows += [(at, text, styles.get(severity, "dim")) for at, severity, text in self.messages]
        rows.sort(key=lambda row: row[0])
        return [
            (f"{at.astimezone():%H:%M:%S}  {line}" if not n else f"          {line}", style)
            for at, text, style in rows
            for n, line in enumerate(text.split("\n"))
        ] or [("Nothing was done from this screen yet.", "dim")]


def _deed_text(deed: Deed) -> str:
    can = "  (z undoes it)" if deed.undo and deed.outcome == "done" else ""
    return f"{deed.outcome:<8} {deed.command or deed.done}{can}"
