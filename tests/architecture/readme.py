"""The tables of README.md that are made from the code.

``python -m tests.architecture.readme`` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from modeldeck_tui import keymap
from modeldeck_tui.cli import app
from tests.architecture.code import ROOT

README = ROOT / "README.md"
TABLES = ("keys", "commands")


def keys() -> str:
    """Return the table of keys."""
    lines = ["| where | keys | what | the same as a command |", "|---|---|---|---|"]
    for scope, title in keymap.SCOPES.items():
        for at, one in enumerate(keymap.of_scope(scope)):
            shown = " ".join(f"`{_key(key)}`" for key in one.keys)
            twin = "; ".join(f"`{part}`" for part in one.command.split("; ") if part)
            lines.append(f"| {'' if at else title} | {shown} | {one.help} | {twin} |")
    return "\n".join(lines)


def _key(key: str) -> str:
    return keymap.shown_key(key).replace("\\", "\\\\").replace("|", "\\|")


def commands() -> str:
    """Return the table of commands."""
    lines = ["| command | what |", "|---|---|"]
    for usage, text in _commands(typer.main.get_command(app), "modeldeck"):
        lines.append(f"| `{usage}` | {text} |")
    return "\n".join(lines)


def _commands(command: Any, name: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 -- Typer's own classes
    inner = getattr(command, "commands", None)
    if inner is not None:
        for word, one in inner.items():
            yield from _commands(one, f"{name} {word}")
        return
    parts = [name]
    for one in command.params:
        if one.param_type_name == "argument":
            word, dots, _end = (one.metavar or one.name.upper()).strip("[]").partition("]...")
            parts.append(word if one.required else f"[{word}]{dots.lstrip(']')}")
        elif one.required:
            parts.append(f"{one.opts[0]} {(one.metavar or 'TEXT').strip('<>')}")
    text = (command.help or "").strip().partition("\n")[0].rstrip(".")
    yield " ".join(parts).replace("|", "\\|"), text.replace("|", "\\|")


def filled(text: str) -> str:
    """Return README's text with each table between its two marks made anew."""
    for name, made in zip(TABLES, (keys(), commands()), strict=True):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, _begin, rest = text.partition(begin)
        _old, _end, tail = rest.partition(end)
        text = f"{head}{begin}\n{made}\n{end}{tail}"
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
