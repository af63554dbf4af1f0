"""A person's own keys: ``~/.config/modeldeck/keymap.toml``, checked before it is used.

::

    "runs.compare" = "D"
    "app.refresh" = ["f5", "ctrl+r"]

Each line names an action by its id (help shows them) and its keys by Textual's names. A line that
cannot be used is reported with file, line and what to do; the others count.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from modeldeck_tui.keymap.lookup import BY_ID, clashes
from modeldeck_tui.keymap.table import ACTIONS

RESERVED = {
    "ctrl+c": "copies what is selected",
    "ctrl+h": "is backspace",
    "ctrl+i": "is tab",
    "ctrl+j": "is enter",
    "ctrl+m": "is enter",
    "ctrl+q": "always leaves",
    "escape": "always goes back",
    "enter": "always opens",
}
"""Keys that a keymap cannot give away, and what they are."""


class OwnKeys(NamedTuple):
    """The keys that a person wants, by action, and what is wrong with the file."""

    keys: dict[str, tuple[str, ...]]
    problems: list[str]


def config_folder() -> Path:
    """Return the folder of a person's settings."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".config"
    return base / "modeldeck"


def read(path: Path | None = None) -> OwnKeys:
    """Read and check the keymap file; one that is not there changes nothing."""
    path = path or config_folder() / "keymap.toml"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return OwnKeys({}, [])
    except (OSError, UnicodeDecodeError) as error:
        return OwnKeys({}, [f"{path}: it cannot be read: {error}"])
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return OwnKeys({}, [f"{path}: it is not TOML: {error}"])
    return _checked(path, text, written=_flat(written))


def _flat(written: Mapping[str, object]) -> dict[str, object]:
    """Return ``[runs] compare = …`` as ``runs.compare``: TOML has both ways to write it."""
    found: dict[str, object] = {}
    for name, value in written.items():
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": one for inner, one in value.items()})
        else:
            found[name] = value
    return found


def _checked(path: Path, text: str, *, written: Mapping[str, object]) -> OwnKeys:
    wanted: dict[str, tuple[str, ...]] = {}
    problems = []
    for name, value in written.items():
        keys = (value,) if isinstance(value, str) else value
        where = f"{path}:{_line(text, name)}"
        problem = _problem(name, keys)
        if problem:
            problems.append(f"{where}: {problem}")
        elif isinstance(keys, list | tuple):
            wanted[name] = tuple(str(key) for key in keys)
    for key, first, second in clashes({one.id: wanted.get(one.id, one.keys) for one in ACTIONS}):
        for name in (first, second):
            if name in wanted:
                other = second if name == first else first
                where = f"{path}:{_line(text, name)}"
                problems.append(f"{where}: {key} is taken by {other}; give that one another key.")
                del wanted[name]
                break
    return OwnKeys(wanted, problems)


def _problem(name: str, keys: object) -> str:
    if name not in BY_ID:
        near = difflib.get_close_matches(name, BY_ID, n=1, cutoff=0.3)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"there is no action {name[:60]!r}.{hint}"
    if not isinstance(keys, list | tuple) or not all(isinstance(one, str) and one for one in keys):
        return f"the keys of {name} have to be a text or a list of texts."
    for key in keys:
        if key in RESERVED and key not in BY_ID[name].keys:
            return f"{key} cannot be given to {name}: it {RESERVED[key]}."
    return ""


def _line(text: str, name: str) -> int:
    inner = name.rpartition(".")[2]
    for number, line in enumerate(text.splitlines(), start=1):
        start = line.split("=")[0].strip().strip("\"'")
        if start in {name, inner}:
            return number
    return 1
