"""The installed wheel, as people get it: a whole flight at a terminal, in the keys it promises."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.architecture.code import ROOT
from tests.cli.program import DECENT, Program
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Installed(Program):
    """The program from a folder that the wheel was installed into."""

    def __init__(self, base: Path, root: Path, *, site: Path) -> None:
        super().__init__(base, root)
        self.site = site

    def environment(self, user: str) -> dict[str, str]:
        """Return the environment of one person's call."""
        return {**super().environment(user), "PYTHONPATH": str(self.site)}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel installed, without anything else of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    kept = ("core", "tui", "workspace", "pyproject.toml", "README.md", "LICENSE")
    for name in kept:
        path = ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(path, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", *install, str(wheel)], check=True, timeout=60)
    return folder / "site"


@pytest.fixture
def installed(waiting: Program, site: Path) -> Installed:
    """Return the installed program on a workspace whose release waits."""
    found = Installed(waiting.base, waiting.root, site=site)
    code = "import modeldeck, modeldeck_tui; print(modeldeck.__file__, modeldeck_tui.__file__)"
    where = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=found.environment("alice"),
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert where.stdout.count(str(site)) == 2
    return found


def approve(person: Terminal, word: str) -> None:
    """Approve for the last environment: Enter opens the review, a asks, the word confirms."""
    person.press("Enter")
    person.until("Gate", "Votes", "You can approve")
    person.press("a")
    person.until("APPROVE", "› Cancel")
    person.press("Tab")
    type_in(person, "looked at it")
    person.press("Tab")
    person.write(word)
    person.until(f" {word} ")
    person.press("Enter", "Enter")


def type_in(person: Terminal, text: str) -> None:
    """Type into a field that may still be deaf: its first letter is pressed until it shows."""
    deadline = time.monotonic() + 10
    while f"│  {text[0]}" not in person.screen() and f"│ {text[0]}" not in person.screen():
        assert time.monotonic() < deadline, person.screen()
        person.write(text[0])
        time.sleep(0.1)
    person.write(text[1:])
    person.until(text[1:])


def second_version(program: Program) -> None:
    """Train another version, and ask for its release."""
    pipeline = program.root / "pipelines" / "other.toml"
    pipeline.write_text(DECENT.replace("0.1, 10.0", "0.5, 5.0"))
    program("train", "pipelines/other.toml", user="alice")
    program("release", "request", "cancer@2", "--environment", "production", user="alice")


def test_flight_with_the_installed_wheel_in_the_keys_it_promises(installed: Installed) -> None:
    """What needs me: no key; approve, follow the log, annotate, roll back: by keyboard alone."""
    server = installed.start("serve", "production", "--port", "0", user="server")
    assert server.stderr is not None
    try:
        assert "Serving production" in server.stderr.readline()
        with Terminal(installed, "dave", size=(80, 24)) as dave:
            dave.until("Needs you", "cancer@1 to production")
            approve(dave, "cancer-v1")
            dave.until("You cannot approve")
            installed("release", "approve", "cancer-1", user="carol")
            dave.until("✔ live")
            dave.press("L")
            dave.until("cancer@1 answers from now on")
            dave.press("q")
            dave.until("cancer@production is live")
            dave.press("c")
            dave.until("Annotate release:cancer-1")
            dave.until("keeps it, esc does not")
            type_in(dave, "watched it go live")
            dave.press("C-s")
            dave.until("Noted on release:cancer-1")
            second_version(installed)
            for person in ("carol", "dave"):
                installed("release", "approve", "cancer-2", user=person)
            dave.press("5")
            dave.until("cancer@2", "● live")
            dave.press("B")
            dave.until("ROLL BACK", "› Cancel")
            dave.press("Tab")
            type_in(dave, "slower")
            dave.press("Enter")
            type_in(dave, "cancer-v1")
            dave.press("Enter", "Enter")
            dave.until("goes back to cancer@1")
            dave.press("C-q")
            dave.until("ended with 0")
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        server.communicate()
    live = installed("deploy", "list", "--json", user="carol").json[0]
    assert live["version"] == "cancer@1"


def test_suspended_screen_gives_the_shell_back_and_comes_again(waiting: Program) -> None:
    """^z leaves the full screen and stops the program; fg shows the page again."""
    with Terminal(waiting, "carol", size=(80, 24), instead="bash --norc --noprofile -i") as carol:
        carol.until("bash-")
        carol.start(waiting)
        carol.until("Needs you", "cancer@1 to production")
        carol.press("C-z")
        carol.until("Stopped")
        carol.write("fg\n")
        carol.until("Needs you", "cancer@1 to production")
        carol.press("2")
        carol.until("EXPERIMENT")
        carol.press("q", "q")
        carol.until_gone("EXPERIMENT")
