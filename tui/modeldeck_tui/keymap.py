"""Every key of the screen, in one table: bindings, hints and help are made from it.

An action belongs to a scope: ``app`` (everywhere), ``list`` (any list), or one page. It calls the
``action_…`` method of its name, or of what ``does`` says. Movement keys (``h j k l``, arrows,
``g G``, ``ctrl+d ctrl+u``) are never anything else on a page with lists or text.
"""

from __future__ import annotations

from typing import NamedTuple


class Action(NamedTuple):
    """One action: its id, keys, the short hint, and what it does.

    ``command`` is the command line that does the same; ``is_writing`` actions are refused in a
    workspace that is open read-only; ``does`` is what is called, when that is not the name.
    """

    scope: str
    name: str
    keys: tuple[str, ...]
    hint: str
    help: str
    command: str = ""
    is_writing: bool = False
    does: str = ""

    @property
    def id(self) -> str:
        """What a person's own keymap would name it by."""
        return f"{self.scope}.{self.name}"

    @property
    def shown(self) -> str:
        """The first key as people know it."""
        return KEY_NAMES.get(self.keys[0], self.keys[0])


KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "escape": "esc",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "ctrl+d": "^d",
    "ctrl+u": "^u",
    "ctrl+s": "^s",
    "ctrl+p": "^p",
    "ctrl+q": "^q",
    "ctrl+r": "^r",
    "ctrl+b": "^b",
    "ctrl+f": "^f",
    "pagedown": "pgdn",
    "pageup": "pgup",
}

ACTIONS = (
    Action(
        "app",
        "overview",
        ("1",),
        "overview",
        "What needs you, what is live",
        "modeldeck",
        does="page('overview')",
    ),
    Action(
        "app",
        "releases",
        ("4",),
        "releases",
        "All releases",
        "modeldeck release list",
        does="page('releases')",
    ),
    Action(
        "app",
        "logs",
        ("6",),
        "logs",
        "Logs of endpoints and runs",
        "modeldeck logs",
        does="page('logs')",
    ),
    Action("app", "help", ("question_mark", "f1"), "help", "The keys of this page"),
    Action("app", "refresh", ("r", "ctrl+r"), "refresh", "Read everything again now"),
    Action("app", "back", ("q", "escape"), "back", "One step back; on the first page: leave"),
    Action(
        "app",
        "command_palette",
        ("ctrl+p",),
        "palette",
        "All actions of this page by name",
    ),
    Action("app", "quit", ("ctrl+q",), "quit", "Leave at once, from anywhere"),
    Action("app", "focus_next", ("tab",), "pane", "The next pane"),
    Action("app", "focus_previous", ("shift+tab",), "pane back", "The previous pane"),
    Action("list", "up", ("k", "up"), "up", "One row up", does="move('up')"),
    Action("list", "down", ("j", "down"), "down", "One row down", does="move('down')"),
    Action("list", "first", ("g", "home"), "first", "The first row", does="move('first')"),
    Action("list", "last", ("G", "end"), "last", "The last row", does="move('last')"),
    Action(
        "list",
        "page_up",
        ("ctrl+u", "ctrl+b", "pageup"),
        "page up",
        "Half a page up",
        does="move('page_up')",
    ),
    Action(
        "list",
        "page_down",
        ("ctrl+d", "ctrl+f", "pagedown"),
        "page down",
        "Half a page down",
        does="move('page_down')",
    ),
    Action("list", "open", ("enter",), "open", "Open what is under the cursor"),
    Action(
        "overview",
        "logs",
        ("L",),
        "logs",
        "Logs of what is under the cursor",
        "modeldeck logs ENDPOINT -f",
    ),
    Action(
        "overview",
        "annotate",
        ("c",),
        "annotate",
        "Write a remark on what is under the cursor",
        "modeldeck annotate ENTITY TEXT",
        is_writing=True,
    ),
    Action(
        "overview",
        "review",
        ("a",),
        "review",
        "Review the release under the cursor",
        "modeldeck release show RELEASE",
    ),
    Action(
        "releases",
        "annotate",
        ("c",),
        "annotate",
        "Write a remark on the release",
        "modeldeck annotate RELEASE TEXT",
        is_writing=True,
    ),
    Action(
        "review",
        "approve",
        ("a",),
        "approve",
        "Approve the release as it stands",
        "modeldeck release approve RELEASE",
        is_writing=True,
    ),
    Action(
        "review",
        "reject",
        ("x",),
        "reject",
        "Reject the release with a reason",
        "modeldeck release reject RELEASE --reason TEXT",
        is_writing=True,
    ),
    Action(
        "review",
        "annotate",
        ("c",),
        "annotate",
        "Write a remark on the release",
        "modeldeck annotate RELEASE TEXT",
        is_writing=True,
    ),
    Action("review", "logs", ("L",), "logs", "Logs of the endpoint", "modeldeck logs ENDPOINT -f"),
    Action("logs", "up", ("k", "up"), "up", "One line up; pauses", does="move('up')"),
    Action("logs", "down", ("j", "down"), "down", "One line down", does="move('down')"),
    Action(
        "logs", "left", ("h", "left"), "left", "Scroll sideways, to the left", does="sideways(-1)"
    ),
    Action(
        "logs",
        "right",
        ("l", "right"),
        "right",
        "Scroll sideways, to the right",
        does="sideways(1)",
    ),
    Action(
        "logs",
        "page_up",
        ("ctrl+u", "ctrl+b", "pageup"),
        "page up",
        "A page up; pauses",
        does="move('page_up')",
    ),
    Action(
        "logs",
        "page_down",
        ("ctrl+d", "ctrl+f", "pagedown", "space"),
        "page down",
        "A page down",
        does="move('page_down')",
    ),
    Action(
        "logs",
        "first",
        ("g", "home"),
        "first",
        "The first line that is held; pauses",
        does="move('first')",
    ),
    Action(
        "logs",
        "follow",
        ("G", "end", "F", "s"),
        "follow",
        "To the end, and follow",
        "modeldeck logs SOURCE -f",
    ),
    Action("logs", "search", ("slash",), "search", "Search; enter finds upwards"),
    Action("logs", "next_match", ("n",), "next match", "The next match", does="find('match', 1)"),
    Action(
        "logs",
        "previous_match",
        ("N",),
        "previous match",
        "The match before",
        does="find('match', -1)",
    ),
    Action("logs", "next_error", ("e",), "error", "The next error", does="find('error', 1)"),
    Action(
        "logs",
        "previous_error",
        ("E",),
        "error before",
        "The error before",
        does="find('error', -1)",
    ),
    Action(
        "logs",
        "next_warning",
        ("w",),
        "warning",
        "The next warning or error",
        does="find('warning', 1)",
    ),
    Action(
        "logs",
        "previous_warning",
        ("W",),
        "warning before",
        "The warning or error before",
        does="find('warning', -1)",
    ),
)

SCOPES = {
    "app": "Everywhere",
    "list": "In a list",
    "overview": "Overview",
    "releases": "Releases",
    "review": "Review of a release",
    "logs": "Logs",
}

PAGES = (("1", "Overview", "overview"), ("4", "Releases", "releases"), ("6", "Logs", "logs"))

HINTS = {
    "overview": (
        "list.open",
        "overview.review",
        "overview.logs",
        "overview.annotate",
        "app.focus_next",
    ),
    "releases": ("list.open", "releases.annotate", "app.back"),
    "review": (
        "review.approve",
        "review.reject",
        "review.annotate",
        "review.logs",
        "app.focus_next",
        "app.back",
    ),
    "logs": ("logs.follow", "logs.search", "logs.next_error", "logs.page_up", "app.back"),
    "sources": ("list.open", "app.back"),
}
"""Which actions the last line of a page shows, the most specific first; help is always there."""


def of_scope(*scopes: str) -> list[Action]:
    """Return the actions of some scopes, in the table's order."""
    return [one for one in ACTIONS if one.scope in scopes]


def hints(page: str) -> list[Action]:
    """Return the actions that the last line of a page shows."""
    known = {one.id: one for one in ACTIONS}
    return [*(known[one] for one in HINTS[page]), known["app.help"]]


def clashes() -> list[str]:
    """Return keys that two actions of one scope, or a page and everywhere, both book."""
    found = []
    for scope in SCOPES:
        booked: dict[str, str] = {}
        for one in of_scope(scope, *({"app"} - {scope})):
            for key in one.keys:
                if key in booked:
                    found.append(f"{scope}: {key} is {booked[key]} and {one.id}")
                booked[key] = one.id
    return found
