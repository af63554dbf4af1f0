"""The doctor and the protection on the screen, and what shows that changes are polled."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from watchdog.observers import Observer

from modeldeck.store import filesystems, ledger
from modeldeck_tui.screens.reader import ReadingScreen
from tests.screen.driving import LARGE, opened


def test_doctor_is_shown_by_its_key_and_by_its_command(root: Path) -> None:
    """The report is a text of its own: what is wrong, what to do, how far the folder protects."""
    path = ledger.entry_path(root, 3)
    path.chmod(0o644)

    async def drive() -> None:
        async with opened(root, size=LARGE, user="ann") as deck:
            await deck.press("H")
            await deck.until_shown("modeldeck doctor --repair")
            assert isinstance(deck.app.screen, ReadingScreen)
            await deck.until_shown("✖ problem")
            await deck.until_shown("Protection: L0")
            await deck.press("escape")
            path.chmod(0o444)
            await deck.press("colon")
            await deck.write("doctor")
            await deck.press("enter")
            await deck.until_shown("All is well.")

    asyncio.run(drive())


def test_verifying_says_how_far_the_folder_protects(root: Path) -> None:
    """Whoever verifies reads what that is worth here."""

    async def drive() -> None:
        async with opened(root, size=LARGE, user="ann") as deck:
            await deck.press("7", "V")
            await deck.until_shown("Protection L0")

    asyncio.run(drive())


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC])
def test_screen_without_events_says_so_and_still_follows(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where inotify is used up the screen polls, visibly, and nothing fails."""

    def refuse(self: object) -> None:
        raise OSError(number, "used up")

    monkeypatch.setattr(Observer, "start", refuse)

    async def drive() -> None:
        async with opened(root, size=LARGE, user="ann") as deck:
            await deck.until_shown("twice a second")
            deck.app.workspace.annotations.add("churn@1", "seen by looking")
            await deck.press("7")
            await deck.until_shown("annotated churn@1")

    asyncio.run(drive())


def test_screen_on_another_computers_disk_says_that_it_polls(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind of file system decides before anything fails."""
    table = tmp_path / "mountinfo"
    table.write_text("22 1 0:40 / / rw - nfs4 host:/x rw\n")
    monkeypatch.setattr(filesystems, "MOUNTS", table)

    async def drive() -> None:
        async with opened(root, size=LARGE, user="ann") as deck:
            await deck.until_shown("lies on NFS")

    asyncio.run(drive())
