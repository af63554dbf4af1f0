"""Signing on the screen with a key that has a passphrase: it is asked for in a dialog."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from modeldeck.domain.membership.questions import Question
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from modeldeck_tui.app import ModelDeckApp
from modeldeck_tui.hosting.unlocking import ScreenAsker
from modeldeck_tui.screens.overlays.unlocking import TouchDialog, UnlockDialog
from tests.screen.driving import SMALL, Deck
from tests.store.agents import make_key

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)

SECRET = "open sesame [/b]"


def driven(test: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(place: Path) -> None:
        asyncio.run(test(place))

    return run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a workspace whose owner has a key with a passphrase, with homes of its own."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))  # a socket's path may not be long
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    path = make_key(tmp_path, "key", SECRET)
    public = Path(f"{path}.pub").read_text()
    init(tmp_path / "shop", owner="ann", name="shop", trust="owner", keys=[public])
    yield tmp_path
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Deck]:
    """Open the screen with that key, so that everything is signed."""
    with Workspace.open(place / "shop", key=str(place / "key")) as workspace:
        app = ModelDeckApp(workspace)
        async with app.run_test(size=SMALL, notifications=True) as pilot:
            deck = Deck(app, pilot)
            await deck.until_shown("shop", "● live")
            yield deck


async def invite(deck: Deck) -> None:
    """Add a member, which wants a signature; wait for the question."""
    members = deck.app.workspace.members
    deck.app.perform(lambda: members.add(NewMember("eve")), "Eve is a member.")
    await deck.until(lambda: isinstance(deck.app.screen, UnlockDialog), "the question")
    await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")


def is_over(deck: Deck, dialog: UnlockDialog) -> bool:
    """Say whether a dialog is gone, and another one or what came of it is there."""
    is_next = isinstance(deck.app.screen, UnlockDialog) or has_said(deck, "was wrong 3 times")
    return deck.app.screen is not dialog and is_next


def has_said(deck: Deck, text: str) -> bool:
    """Say whether the person was told something, however it was wrapped."""
    return any(text in line for line, _style in deck.app.memory.lines())


def is_member(place: Path) -> bool:
    """Say whether eve became a member."""
    with Workspace.open(place / "shop", user="ann") as workspace:
        return "eve" in [one["name"] for one in workspace.members.list()]


@driven
async def test_passphrase_is_asked_in_a_dialog_and_a_wrong_one_again(place: Path) -> None:
    """The dialog names the key; what is typed is not shown; then the entry is signed."""
    async with opened(place) as deck:
        await invite(deck)
        await deck.until_shown("SIGN", "SHA256:", "Enter passphrase")
        await deck.write("wrong")
        assert "wrong" not in deck.text
        first = deck.app.screen
        await deck.press("enter")
        await deck.until(
            lambda: isinstance(deck.app.screen, UnlockDialog) and deck.app.screen is not first
        )
        await deck.until_shown("That was wrong")
        await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
        await deck.write(SECRET)
        await deck.press("enter")
        await deck.until_shown("Eve is a member.")
        (line,) = deck.app.workspace.activity.list(1)
        assert (line["action"], line["level"]) == ("member.add", "signed")
    assert is_member(place)


@driven
async def test_cancelled_question_writes_nothing_and_the_screen_goes_on(place: Path) -> None:
    """Escape: said in a sentence."""
    async with opened(place) as deck:
        n = deck.app.workspace.deck.state.n
        await invite(deck)
        await deck.press("escape")
        await deck.until(lambda: has_said(deck, "Signing was cancelled. Nothing was written."))
        assert deck.app.workspace.refresh() == 0
        assert deck.app.workspace.deck.state.n == n
    assert not is_member(place)


@driven
async def test_third_wrong_passphrase_ends_it(place: Path) -> None:
    """Nothing was written."""
    async with opened(place) as deck:
        await invite(deck)
        for attempt in (1, 2, 3):
            dialog = deck.app.screen
            assert isinstance(dialog, UnlockDialog)
            assert dialog.question.attempt == attempt
            await deck.press("x", "enter")
            await deck.until(functools.partial(is_over, deck, dialog), "the next thing")
            if attempt < 3:
                await deck.until(lambda: isinstance(deck.app.screen, UnlockDialog))
                await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
        await deck.until(lambda: has_said(deck, "was wrong 3 times"))
    assert not is_member(place)


@driven
async def test_screen_that_is_left_meanwhile_cancels(place: Path) -> None:
    """Nobody hangs on a question that cannot be answered any more."""
    async with opened(place) as deck:
        await invite(deck)
    assert not is_member(place)


@driven
async def test_notice_goes_away_when_the_key_was_touched(place: Path) -> None:
    """A hardware key's notice has no field; foreign text in it is harmless."""
    touched = asyncio.Event()
    question = Question("touch\x1b[2J [red]it", "SHA256:x", has_answer=False, is_hardware=True)
    async with opened(place) as deck:
        asker = ScreenAsker(deck.app)
        said = asyncio.create_task(asyncio.to_thread(asker.ask, question, touched.is_set))
        await deck.until(lambda: isinstance(deck.app.screen, TouchDialog), "the notice")
        await deck.until_shown("Touch the key.", "[red]it")
        assert not deck.app.screen.query(Input)
        touched.set()
        await deck.until(lambda: not isinstance(deck.app.screen, TouchDialog), "its end")
        assert await said == ""
        again: Callable[[], bool] = asyncio.Event().is_set
        said = asyncio.create_task(asyncio.to_thread(asker.ask, question, again))
        await deck.until(lambda: isinstance(deck.app.screen, TouchDialog), "the notice")
        await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
        await deck.press("enter")
        assert await said is None


@driven
async def test_statement_that_was_shown_is_signed_after_the_passphrase(place: Path) -> None:
    """What a dialog states is recorded as any other decision: the key asks, then it is signed."""
    path = place / "shop" / "modeldeck.toml"
    path.write_text(path.read_text() + '\n[environments.trial]\napprovals = 1\ntrust = "owner"\n')
    async with opened(place) as deck:
        await deck.press("J")
        await deck.until_shown("p proposes it")
        await deck.dialog("p")
        await deck.until_shown("signed with SHA256:")
        await deck.press("y")
        await deck.until(lambda: isinstance(deck.app.screen, UnlockDialog), "the question")
        await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
        await deck.write(SECRET)
        await deck.press("enter")
        await deck.until(lambda: has_said(deck, "It is signed with SHA256:"), "the signature")
        assert deck.app.workspace.activity.list(1)[0]["level"] == "signed"
