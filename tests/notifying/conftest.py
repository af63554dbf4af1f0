"""A workspace with receivers on loopback, and the program within this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modeldeck.services.notifying import begin, trying
from modeldeck.workspace import Workspace
from tests.notifying.receiving import Receiver, receiver
from tests.talking.conftest import homes, inside, root

__all__ = ["homes", "inside", "root"]

Configure = Callable[..., None]


@pytest.fixture
def server() -> Iterator[Receiver]:
    """Return a running receiver."""
    with receiver() as made:
        yield made


@pytest.fixture
def configure(root: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Return what sets receivers, agrees to them as alice, and lets retries come at once.

    No process of its own delivers unless a test asks for it.
    """
    monkeypatch.setattr(trying, "wait_s", lambda *_: 0.01)
    monkeypatch.setattr(begin, "after_commit", lambda *_: None)
    plain = (root / "modeldeck.toml").read_text()

    def configured(*receivers: str, top: str = "", trust: bool = True) -> None:
        tables = [
            f"[notifications.receivers.{line.partition(' ')[0]}]\n"
            + line.partition(" ")[2].replace("; ", "\n")
            for line in receivers
        ]
        text = "\n".join([plain, "[notifications]", top, *tables])
        (root / "modeldeck.toml").write_text(text)
        if trust:
            with Workspace.open(root, user="alice") as workspace:
                workspace.notifying.trust()

    return configured
