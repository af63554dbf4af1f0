"""What every command shares: the options that stand anywhere, and opening the workspace."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import typer
from typer.core import TyperGroup

from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, Printer

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

FAILED_GATE = 7
_LONGEST_HELP = 200
WHERE = "Only what fits: status:failed acc>0.9 exp:tumour* since:7d !word (a or b)."
"""The help of every option that takes the filter language."""

WITH_VALUE = ("-w", "--workspace", "--key", "--as-of")
_FLAGS = ("--json", "--read-only")


class OpenScreen(Protocol):
    """Opens the screen on a workspace until the person leaves."""

    def __call__(
        self,
        session: Session,
        *,
        path: str = "",
        user: str = "",
        logs: Sequence[str] = (),
        asked: str = "",
    ) -> None:
        """Open it; ``logs`` are opened at once, with the filter ``asked``."""


@dataclass(frozen=True)
class Looks:
    """How the screen shall look: its theme, only ASCII, few bytes."""

    theme: str = ""
    is_ascii: bool = False
    is_slow: bool = False


@dataclass
class Session:
    """The options of one call, its printer, and what opens the screen."""

    open_screen: OpenScreen
    workspace: str = ""
    key: str = ""
    is_read_only: bool = False
    as_of: str = ""
    looks: Looks = field(default_factory=Looks)
    printer: Printer = field(default_factory=lambda: Printer(clean))

    @contextlib.contextmanager
    def open(self) -> Iterator[Workspace]:
        """Open the workspace that is named, or that the working directory is in."""
        from modeldeck.workspace import Workspace

        with Workspace.open(
            self.workspace or None,
            key=self.key,
            is_read_only=self.is_read_only,
            as_of=self.as_of,
        ) as workspace:
            workspace.deck.may_ask = sys.stdin is not None and sys.stdin.isatty()
            for text in workspace.history.notices():
                self.printer.say(Cell("Warning: ", "warn"), text)
            with workspace.deck.asked_once():
                yield workspace

    @property
    def is_json(self) -> bool:
        """Whether one JSON document is wanted."""
        return self.printer.is_json


def session_of(context: typer.Context) -> Session:
    """Return the session of a command."""
    return cast("Session", context.find_root().obj)


def hoisted(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with those options first that may stand anywhere.

    >>> hoisted(["run", "list", "--json", "-w", "here", "--limit", "3"])
    ['--json', '-w', 'here', 'run', 'list', '--limit', '3']
    >>> hoisted(["annotate", "x", "--", "--json"])
    ['annotate', 'x', '--', '--json']
    """
    first: list[str] = []
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*first, *rest, word, *words]
        if word in _FLAGS or word.startswith(tuple(f"{one}=" for one in WITH_VALUE)):
            first.append(word)
        elif word in WITH_VALUE and words:
            first += [word, words.pop(0)]
        else:
            rest.append(word)
    return [*first, *rest]


class Group(TyperGroup):
    """A group whose help shows the whole line of every command, on as many lines as it needs."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- Typer's own classes, not public
        """Write the commands with what they do."""
        known = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, one.get_short_help_str(_LONGEST_HELP))
            for name, one in known
            if one is not None and not one.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def group(help_text: str) -> typer.Typer:
    """Return a group of commands."""
    return typer.Typer(
        cls=Group,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
