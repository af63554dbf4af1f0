"""The first flight: people at two terminals review, approve, and see a version go live."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.program import Program
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

SMALL, LARGE = (80, 24), (160, 50)
SOON_S = 10.0
"""Changes show within a second; a busy machine gets more."""


@pytest.fixture
def served(waiting: Program) -> Iterator[Program]:
    """Return the program while a server follows its workspace."""
    process = waiting.start("serve", "production", "--port", "0", user="server")
    assert process.stderr is not None
    assert "Serving production" in process.stderr.readline()
    yield waiting
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.communicate()


def opened(person: Terminal, key: str, title: str) -> None:
    """Open a dialog and wait for its mark on Cancel: until then it is deaf."""
    person.press(key)
    person.until(title, "Reason", "› Cancel")


def approve(person: Terminal, word: str, *, reason: str) -> None:
    """Open the dialog, give a reason and the word, and confirm."""
    opened(person, "a", "APPROVE")
    person.press("Tab")
    person.write(reason)
    person.until(reason)
    person.press("Tab")
    person.write(f"{word[:-1]}")
    person.until(f" {word[:-1]} ")
    person.write(word[-1])
    person.until(f" {word} ")
    person.press("Tab", "Enter")


def test_two_people_approve_at_two_terminals_and_the_version_goes_live(served: Program) -> None:
    """Each sees the other's vote without a key; then the server answers, and its log follows."""
    with (
        Terminal(served, "carol", size=SMALL) as carol,
        Terminal(served, "bob", size=LARGE) as bob,
    ):
        for person in (carol, bob):
            person.until("Needs you", "cancer@1 to production")
            person.press("Enter")
            person.until("Gate", "Votes", "waiting")
        approve(carol, "cancer-v1", reason="seen by two doctors")
        bob.until("seen by two doctors", within_s=SOON_S)
        carol.until("You cannot approve")
        approve(bob, "cancer-v1", reason="fine")
        for person in (carol, bob):
            person.until("✔ live", within_s=SOON_S)
        carol.press("L")
        carol.until("cancer@1 answers from now on")
        carol.press("q", "q")
        carol.until("Nothing needs you", "cancer@production")
        carol.press("q")
        carol.until("ended with 0")


def test_rejection_by_keyboard_needs_a_reason(waiting: Program) -> None:
    """Without a reason the button stays off; Escape changes nothing; with one it is rejected."""
    with Terminal(waiting, "dave", size=SMALL) as dave:
        dave.until("cancer@1 to production")
        dave.press("Enter")
        dave.until("Votes")
        opened(dave, "x", "REJECT")
        dave.press("Tab", "Enter", "Escape")
        dave.until_gone("REJECT")
        opened(dave, "x", "REJECT")
        dave.press("Tab")
        dave.write("labels are old")
        dave.until("labels are old")
        dave.press("Tab")
        dave.write("cancer-v1")
        dave.until(" cancer-v1 ")
        dave.press("Tab", "Enter")
        dave.until("✖ rejected")
    found = waiting("release", "show", "cancer-1", "--json", user="dave").json
    assert found["approvals"][0]["reason"] == "labels are old"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_read_only_screen_says_so_and_refuses(waiting: Program, size: tuple[int, int]) -> None:
    """The header says RO; approving is refused with the reason; nothing is written."""
    before = sorted((waiting.root / ".modeldeck" / "ledger").iterdir())
    with Terminal(waiting, "carol", size=size, arguments="--read-only") as carol:
        carol.until(" RO ", "cancer@1 to production")
        carol.press("Enter")
        carol.until("Votes")
        carol.press("a")
        carol.until("read-only")
        carol.press("q", "q")
        carol.until("ended with 0")
    assert sorted((waiting.root / ".modeldeck" / "ledger").iterdir()) == before


def test_training_shows_while_it_runs_and_when_it_fails(waiting: Program) -> None:
    """A run that another process starts appears, and its failure needs its owner."""
    broken = (waiting.root / "pipelines" / "good.toml").read_text()
    broken = broken.replace("sklearn:breast_cancer", "datasets/none.csv")
    (waiting.root / "pipelines" / "broken.toml").write_text(broken)
    with Terminal(waiting, "bob", size=LARGE) as bob:
        bob.until("cancer@1 to production")
        waiting("train", "pipelines/broken.toml", user="bob", expect=3)
        bob.until("✖ RUN", "no file datasets/none.csv", within_s=SOON_S)


def test_damaged_terminal_size_is_survived(waiting: Program) -> None:
    """A terminal of 20 columns, and one that grows, show what fits."""
    with Terminal(waiting, "carol", size=(20, 6)) as carol:
        carol.until("modeldeck")
        subprocess.run(
            ["tmux", "-S", str(carol.socket), "resize-window", "-x", "120", "-y", "40"],
            check=True,
            timeout=10,
        )
        carol.until("Needs you", "cancer@1 to production")
