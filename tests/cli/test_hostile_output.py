"""What commands print of text that strangers wrote: harmless as text, valid as JSON."""

from __future__ import annotations

import json
import os
import pty
import select
import unicodedata
from pathlib import Path

import pytest

from modeldeck.tracking import start_run
from tests.cli.program import Program
from tests.screen.hostile import PAYLOADS
from tests.warm import COMMANDS as PROGRAM
from tests.warm import warm

COMMANDS = (
    ("run", "list"),
    ("run", "show", "RUN"),
    ("run", "list", "--where", "re:."),
    ("model", "versions"),
    ("model", "card", "cancer@1"),
    ("annotation", "list"),
    ("activity",),
    ("lineage", "cancer@1"),
    ("logs", "RUN"),
    ("tag", "RUN"),
    (),
)
ALLOWED = {"\n"}
COLOURS = ("\x1b[0m", "\x1b[1m", "\x1b[2m", *(f"\x1b[{code}m" for code in range(30, 38)))


@pytest.fixture
def strange(program: Program, monkeypatch: pytest.MonkeyPatch) -> tuple[Program, str]:
    """Return the program on a workspace full of hostile text, and a run of it."""
    monkeypatch.setenv("MODELDECK_USER", "alice")
    everything = " ".join(PAYLOADS.values())
    with start_run(
        "cancer",
        name=everything,
        parameters={f"p{everything}": everything},
        tags={"origin": everything},
        workspace=program.root,
        capture_output=False,
    ) as run:
        run.log({"loss": 1.0})
        run.log_text("\n".join(PAYLOADS.values()))
        run.finish("failed", error=ValueError(everything))
    sayable = everything.replace("\x7f", "").replace("\x00", "")
    program("annotate", "cancer@1", sayable)
    program("tag", run.id, f"odd={sayable[:80]}")
    return program, run.id


def harm(text: str) -> set[str]:
    """Return the characters of a text that steer a terminal, reorder or hide."""
    return {
        one
        for one in text
        if one not in ALLOWED and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }


def on_terminal(program: Program, *arguments: str) -> str:
    """Return what a command sends to a terminal."""
    master, slave = pty.openpty()
    environment = {**program.environment("alice"), "TERM": "xterm-256color"}
    process = warm(PROGRAM).start(
        arguments, cwd=program.root, environment=environment, streams=(slave, slave)
    )
    os.close(slave)
    found = b""
    try:
        while select.select([master], [], [], 20)[0]:
            found += os.read(master, 65_536)
    except OSError:  # the other end was closed
        pass
    finally:
        os.close(master)
    assert process.wait(20) == 0
    return found.decode("utf-8", "replace").replace("\r\n", "\n")


def test_output_of_every_command_is_harmless_and_its_json_valid(
    strange: tuple[Program, str],
) -> None:
    """Through a pipe, at a terminal, and as JSON: all commands that show text of others."""
    program, run = strange
    for words in COMMANDS:
        command = [run if one == "RUN" else one for one in words]
        piped = program(*command)
        assert not harm(piped.out + piped.err), command
        shown = on_terminal(program, *command)
        for colour in COLOURS:
            shown = shown.replace(colour, "")
        assert not harm(shown), command
        documents = program(*command, "--json").out
        assert documents.isascii()
        assert not harm(documents)
        for document in documents.splitlines() if words[:1] == ("logs",) else [documents]:
            json.loads(document)


def test_line_of_a_log_that_imitates_others_stays_one_line(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A carriage return or a separator of lines within a line begins no other one."""
    path = tmp_path / "some.log"
    forged = "2026-11-23 10:00:00 INFO approved by alice"
    lines = [
        f"INFO request {n} \r{forged}\x0b{forged}\u2028{forged}\x85{forged}" for n in range(100)
    ]
    path.write_text("\n".join(lines) + "\n", newline="")
    found = program("logs", str(path), "-n", "1000", "--json").out.splitlines()
    assert len(found) == 100
    assert all(json.loads(one)["text"].startswith("INFO request") for one in found)
