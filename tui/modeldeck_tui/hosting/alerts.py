r"""Telling a person who looks elsewhere that something new waits: the bell, and OSC 9.

``~/.config/modeldeck/config.toml`` says how::

    [alerts]
    bell = true  # the terminal's bell
    desktop = "auto"  # a desktop notification: auto, always, never
    tmux = false  # also from within tmux, wrapped for the terminal around it

OSC 9 (``ESC ] 9 ; text BEL``) is iTerm2's; Ghostty, kitty, foot and WezTerm understand it too.
*auto* sends it to those alone; *always* to every terminal but those of which it is known that they
would print it (``dumb``, ``linux``). tmux takes no foreign sequence unless it is wrapped
(``ESC P tmux; … ESC \``, each ESC inside doubled) and its ``allow-passthrough`` is on.

No byte of a text reaches the terminal as it was: it is made clean, and what is no printable
character then is left out, so that nobody can end the sequence and begin another one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from modeldeck.domain.documents import InboxItem
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import own
from modeldeck_tui.output import cut

BELL = "\x07"
MOST = 160
"""Columns of a notification's text."""

_KNOWN_TERMS = ("xterm-kitty", "xterm-ghostty", "foot", "wezterm")
_KNOWN_PROGRAMS = {"iTerm.app", "iTerm2", "WezTerm", "ghostty", "kitty"}
_NEVER = ("", "dumb", "linux", "unknown")
_WORDS = ("auto", "always", "never")
_KEYS = {"bell": bool, "desktop": str, "tmux": bool}


class Settings(NamedTuple):
    """What a person wants to be told by; ``problems`` is what is wrong with the file."""

    bell: bool = True
    desktop: str = "auto"
    tmux: bool = False
    problems: tuple[str, ...] = ()


def read(path: Path | None = None) -> Settings:
    """Read the settings; a file that is not there changes nothing, mistakes are reported."""
    path = path or own.config_folder() / "config.toml"
    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        return Settings(problems=(f"{path}: it cannot be read: {error}",))
    except tomllib.TOMLDecodeError as error:
        return Settings(problems=(f"{path}: it is not TOML: {error}",))
    table = written.get("alerts", {})
    if not isinstance(table, dict):
        return Settings(problems=(f"{path}: alerts has to be a table: [alerts]",))
    found: dict[str, object] = {}
    problems = []
    for name, value in table.items():
        problem = _problem(name, value)
        if problem:
            problems.append(f"{path}: alerts.{name}: {problem}")
        else:
            found[name] = value
    return Settings(
        bell=found.get("bell", True) is True,
        desktop=str(found.get("desktop", "auto")),
        tmux=found.get("tmux") is True,
        problems=tuple(problems),
    )


def _problem(name: str, value: object) -> str:
    kind = _KEYS.get(name)
    if kind is None:
        return f"there is no such setting; there are {', '.join(_KEYS)}."
    if kind is bool and not isinstance(value, bool):
        return f"true or false is expected, not {value!r:.40}."
    if name == "desktop" and value not in _WORDS:
        return f"one of {', '.join(_WORDS)} is expected, not {value!r:.40}."
    return ""


def sequence(text: str, settings: Settings, *, environment: Mapping[str, str]) -> str:
    r"""Return what a terminal gets to tell of something; empty where it has nothing for it.

    Parameters
    ----------
    text : str
        What is told; anything may stand in it.
    settings : Settings
        What the person wants.
    environment : Mapping
        The process's: TERM, TERM_PROGRAM, LC_TERMINAL, TMUX.

    >>> sequence("now", Settings(), environment={"TERM": "foot"})
    '\x1b]9;now\x07\x07'
    """
    if environment.get("TERM", "") in ("", "dumb", "unknown"):
        return ""
    bell = BELL if settings.bell else ""
    return f"{_desktop(text, settings, environment=environment)}{bell}"


def _desktop(text: str, settings: Settings, *, environment: Mapping[str, str]) -> str:
    if not _has_it(settings, environment):
        return ""
    shown = "".join(one for one in clean(text) if one.isprintable())
    code = f"\x1b]9;{cut(shown, MOST)}{BELL}"
    if not _in_tmux(environment):
        return code
    return f"\x1bPtmux;{code.replace(chr(27), chr(27) * 2)}\x1b\\"


def _has_it(settings: Settings, environment: Mapping[str, str]) -> bool:
    term = environment.get("TERM", "")
    if settings.desktop == "never" or term in _NEVER:
        return False
    if _in_tmux(environment):
        return settings.tmux
    if settings.desktop == "always":
        return True
    programs = {environment.get("TERM_PROGRAM", ""), environment.get("LC_TERMINAL", "")}
    return term.startswith(_KNOWN_TERMS) or bool(programs & _KNOWN_PROGRAMS)


def _in_tmux(environment: Mapping[str, str]) -> bool:
    term = environment.get("TERM", "")
    return bool(environment.get("TMUX")) or term.startswith(("tmux", "screen"))


class News:
    """Remembers what waited already, so that each thing is told once."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] | None = None

    def heed(self, inbox: Iterable[InboxItem]) -> list[InboxItem]:
        """Return what is new; the first time nothing is, because the person looks just then."""
        items = list(inbox)
        names = {(one["kind"], one["subject"]) for one in items}
        known = names if self._known is None else self._known
        self._known = known | names
        return [one for one in items if (one["kind"], one["subject"]) not in known]


def told(workspace: str, items: list[InboxItem]) -> str:
    """Return what is told about new things: the first, and how many more there are."""
    first = items[0]
    detail = f": {first['detail']}" if first["detail"] else ""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"ModelDeck {workspace}: {first['kind']} {first['title']}{detail}{more}"
