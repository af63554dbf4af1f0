"""Owners on the command line: founding together, proposing, supporting, rotating keys."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from modeldeck.errors import ModelDeckError
from modeldeck.services.governing import inbox
from modeldeck_tui.cli import app
from modeldeck_tui.commands.base import hoisted
from tests.architecture.readme import _commands
from tests.store.agents import make_key

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


class Shell:
    """The command line in this process, in a folder with keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, expect: int = 0) -> str:
        """Run a command; return what it printed, or the sentence of its error."""
        done = CliRunner().invoke(app, hoisted(["-w", str(self.folder / "ws"), *words]))
        error = done.exception
        if isinstance(error, ModelDeckError):
            assert error.exit_code == expect, str(error)
            return str(error)
        assert done.exit_code == expect, (done.output, error)
        return done.output

    def json(self, *words: str) -> Any:  # noqa: ANN401 -- whatever the command prints
        """Run a command; return its document."""
        done = CliRunner().invoke(app, hoisted(["-w", str(self.folder / "ws"), *words, "--json"]))
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def key(self, name: str) -> str:
        """Return a key file."""
        return str(self.folder / name)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a command line with homes of its own, and keys of ann, ben, cat and a new one."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("SSH_AUTH_SOCK", "MODELDECK_USER", "MODELDECK_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ann", "ben", "cat", "new"):
        make_key(tmp_path, name)
    return Shell(tmp_path)


def test_two_owners_found_propose_and_support_from_the_command_line(shell: Shell) -> None:
    """From init to a rotated key, each with the next command in what is said."""
    ann, ben = ("--key", shell.key("ann")), ("--key", shell.key("ben"))
    owners = ("--owner", "ann", "--owner", f"ben:1002:{shell.key('ben')}.pub")
    said = shell("init", str(shell.folder / "ws"), *owners, *ann)
    assert "owned by ann, ben" in said
    assert "2 of them decide together" in said
    assert "Warning: All 2 owners have to agree" in said
    cat = ("member", "add", "cat", "--role", "risk", "--public-key", f"{shell.key('cat')}.pub")
    assert "modeldeck member support 2" in shell(*cat, *ann)
    assert "1 for you" in shell("member", "list", *ben)
    assert "1 more: ben" in shell("member", "pending", *ann)
    assert [one["kind"] for one in shell.json("inbox", *ben)] == ["support"]
    assert "in force now" in shell("member", "support", "2", *ben)
    assert "Nothing waits" in shell("member", "pending", *ben)
    shown = shell("member", "show", *("--key", shell.key("cat")))
    assert "risk since entry 3" in shown
    assert "vote on releases to production" in shown
    assert "You would sign with SHA256:" in shown
    new = ("member", "rotate-key", "cat", "--public-key", f"{shell.key('new')}.pub")
    assert "support 4" in shell(*new, "--revoke", f"{shell.key('cat')}.pub", *ann)
    assert shell.json("member", "support", "4", *ben)["in_force"]
    keys = shell.json("member", "show", "cat", *ann)["keys"]
    assert [one["until_n"] for one in keys] == [5, 0]
    assert "since entry 5" in shell("member", "show", "--key", shell.key("cat"), expect=6)
    assert not shell.json("member", "revoke", "cat", "--reason", "left", *ann)["revoked"]
    assert "modeldeck member withdraw 6" in shell("member", "pending", *ann)
    said = shell("member", "withdraw", "6", "--reason", "stays", *ann)
    assert said == "Withdrawn: revoke cat, proposed by ann.\n"


def test_key_option_names_the_new_key_where_nothing_else_does(shell: Shell) -> None:
    """`rotate-key NAME --key NEW.pub`: a key that is nobody's signs nothing."""
    shell("init", str(shell.folder / "ws"), "--owner", "ann", "--trust", "owner")
    said = shell("member", "rotate-key", "ann", "--key", f"{shell.key('ann')}.pub")
    assert "ann is changed from entry 3 on" in said
    assert shell.json("member", "show", "ann")["level"] == "signed"
    assert "Which key" in shell("member", "rotate-key", "ann", expect=2)


REFUSED = [
    (("member", "show", "nobody"), 3, "not a member"),
    (("member", "change", "ann"), 4, "Nothing about ann would change"),
    (("member", "change", "ann", "--role", "Risk!"), 4, "name of a role"),
    (("member", "change", "ann", "--no-owner"), 6, "fewer owners"),
    (("member", "change", "ann", "--revoke", "SHA256:x"), 3, "no key SHA256:x"),
    (("member", "change", "ann", "--public-key", "/etc/hostname"), 4, "SSH public key"),
    (("member", "add", "ci", "--kind", "ci", "--server", "staging"), 2, "serves no"),
    (("member", "add", "x", "--kind", "robot"), 4, "person, server, ci"),
    (("member", "support", "99"), 3, "no proposal"),
    (("member", "withdraw", "99"), 3, "no proposal"),
    (("init", "elsewhere", "--owner", "ann:x"), 4, "user id"),
    (("init", "elsewhere", "--owner", "ann", "--threshold", "2"), 4, "cannot be met"),
]


def test_what_cannot_be_done_is_said_with_a_stable_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written by any of them."""
    monkeypatch.chdir(shell.folder)
    shell("init", str(shell.folder / "ws"), "--owner", "ann", "--trust", "owner")
    for words, code, says in REFUSED:
        assert says in shell(*words, expect=code), words
    assert len(shell.json("activity")) == 2
    assert not (shell.folder / "elsewhere").exists()


def test_command_that_an_item_of_the_inbox_names_is_there() -> None:
    """Each kind of item has one, and it is a command of this program."""
    usages = [f"{usage} " for usage, _text in _commands(get_command(app), "modeldeck")]
    assert inbox._NEXT.keys() == inbox.URGENCY.keys()
    for text in inbox._NEXT.values():
        words = "".join(re.findall(r"^[a-z ]+", text)).strip()
        assert any(one.startswith(f"modeldeck {words} ") for one in usages), text
