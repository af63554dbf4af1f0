"""What an action is: one row of the table of keys."""

from __future__ import annotations

from typing import NamedTuple

KEY_NAMES = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
    "at": "@",
    "asterisk": "*",
    "equals_sign": "=",
    "backslash": "\\",
    "number_sign": "#",
    "percent_sign": "%",
    "apostrophe": "'",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pagedown": "pgdn",
    "pageup": "pgup",
}
"""Keys as people know them, by Textual's names."""


def shown_key(key: str) -> str:
    """Return a key as people know it.

    >>> shown_key("question_mark"), shown_key("ctrl+d"), shown_key("G")
    ('?', '^d', 'G')
    """
    if key in KEY_NAMES:
        return KEY_NAMES[key]
    if key.startswith("ctrl+"):
        return "^" + shown_key(key.removeprefix("ctrl+"))
    return key


class Action(NamedTuple):
    """One action of the screen.

    Attributes
    ----------
    id : str
        Scope and name, as ``runs.compare``; what a person's own keymap names it by. The scope is
        ``app`` (everywhere), ``list``, ``text``, or one page.
    keys : tuple of str
        Its keys, by Textual's names.
    hint : str
        A word for the last line.
    help : str
        What it does.
    command : str
        The command line that does the same; empty for what only a screen can do.
    danger : int
        0 looks only; 1 can be undone; 2 is seen by others, asks y; 3 changes what serves in the
        last environment, asks for a word. Everything above 0 is refused in a read-only workspace.
    needs : tuple of str
        Names of conditions (:mod:`modeldeck_tui.present.conditions`) without which it is off.
    does : str
        The method that is called, with arguments, when that is not the name.
    """

    id: str
    keys: tuple[str, ...]
    hint: str
    help: str
    command: str = ""
    danger: int = 0
    needs: tuple[str, ...] = ()
    does: str = ""

    @property
    def scope(self) -> str:
        """Where it works."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """Its name within the scope."""
        return self.id.partition(".")[2]

    @property
    def colon(self) -> str:
        """How the command line of the screen (``:``) calls it."""
        return self.name.replace("_", "-")

    @property
    def is_direct(self) -> bool:
        """Whether its key calls a widget at once: movements, which are never off."""
        return bool(self.does)


def action(
    id: str,  # noqa: A002 -- the field's name
    keys: str,
    *texts: str,
    danger: int = 0,
    needs: str = "",
    does: str = "",
) -> Action:
    """Return a row, written short: keys and conditions separated by spaces.

    Parameters
    ----------
    id, keys : str
        As in :class:`Action`.
    texts : str
        Hint, help and, if there is one, command.
    danger, needs, does
        As in :class:`Action`.
    """
    hint, text, *command = texts
    wanted = tuple(needs.split())
    if danger:
        wanted = ("writable", *wanted)
    return Action(
        id=id,
        keys=tuple(keys.split()),
        hint=hint,
        help=text,
        command=command[0] if command else "",
        danger=danger,
        needs=wanted,
        does=does,
    )
