"""README.md says what the program does: its tables, commands, paths and targets."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import typer

from modeldeck import errors
from modeldeck_tui import keymap
from modeldeck_tui.cli import app
from tests.architecture.code import ROOT
from tests.architecture.readme import README, TABLES, commands, filled

TEXT = README.read_text(encoding="utf-8")


def test_tables_of_the_readme_are_those_of_the_code() -> None:
    """Keys and commands are as the code has them; `python -m tests.architecture.readme` helps."""
    assert filled(TEXT) == TEXT
    assert all(f"<!-- {name} -->" in TEXT for name in TABLES)


def test_every_command_in_the_readme_exists() -> None:
    """Each `modeldeck …` in an example is in the table of commands."""
    known = set(re.findall(r"`(modeldeck(?: [a-z]+)+)", commands()))
    used = re.findall(r"^\$ (modeldeck(?: [a-z]+)+)", TEXT, re.MULTILINE)
    assert used
    for one in used:
        words = one.split()
        assert any(" ".join(words[:count]) in known for count in (2, 3)), one


def options(command: Any) -> set[str]:  # noqa: ANN401 -- Typer's own classes
    """Return the options that a command takes."""
    return {name for one in command.params for name in one.opts}


@cache
def program() -> Any:  # noqa: ANN401 -- Typer's own classes
    """Return the program with all its commands."""
    return typer.main.get_command(app)


@pytest.mark.parametrize("action", [one for one in keymap.ACTIONS if one.command], ids=str)
def test_command_that_does_the_same_as_a_key_exists(action: keymap.Action) -> None:
    """Each word and option of the headless twin is known to the command line."""
    for twin in action.command.split("; "):
        name, *words = twin.split()
        assert name == "modeldeck"
        command: Any = program()
        allowed = options(command)
        for word in words:
            inner = getattr(command, "commands", {})
            if word in inner:
                command = inner[word]
                allowed |= options(command)
            elif word.startswith("-"):
                assert word in allowed, twin
            else:
                assert word.isupper() or "/" in word or "[" in word, twin


def test_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    """The table of exit codes has every code once."""
    codes = [int(one) for one in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)]
    assert codes == list(range(13))
    assert all(errors.error_of_code(code).exit_code == code for code in range(2, 13))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", TEXT))))
def test_link_of_the_readme_leads_somewhere(path: str) -> None:
    """Every relative link names a file or folder of the repository."""
    assert (ROOT / path).exists()


def test_links_within_the_readme_lead_to_headings() -> None:
    """The contents, and every other link to a section, name one that is there."""
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    there = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
    wanted = re.findall(r"\]\(#([^)]+)\)", TEXT)
    assert wanted
    assert set(wanted) <= there


def test_targets_of_make_in_the_readme_exist() -> None:
    """Each `make …` is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?\$? ?make ([a-z]+)`?", TEXT)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_commands_that_show_controls_exist() -> None:
    """Each command in the table for auditors is one of the program's."""
    known = set(re.findall(r"`(modeldeck(?: [a-z][a-z-]*)+)", commands()))
    table = TEXT.partition("<!-- controls -->")[2].partition("<!-- end of controls -->")[0]
    used = re.findall(r"`(modeldeck [a-z -]+)`", table)
    assert len(used) > 10
    assert set(used) <= known
