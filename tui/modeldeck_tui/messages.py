"""What happened, in the past tense: messages that travel up to the app or to a page."""

from __future__ import annotations

from typing import Any

from textual.message import Message

from modeldeck_tui.present.snapshot import Snapshot


class WorkspaceChanged(Message):
    """Something in the workspace changed; posted from the watcher's thread."""

    def can_replace(self, message: Message) -> bool:
        """Several are as good as one."""
        return isinstance(message, WorkspaceChanged)


class SnapshotLoaded(Message):
    """The workspace was read again."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        super().__init__()


class LoadFailed(Message):
    """The workspace could not be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


class ChangesPolled(Message):
    """The system tells of no changes here; they are looked for."""

    def __init__(self, because: str) -> None:
        self.because = because
        super().__init__()


class LogRead(Message):
    """The thread that reads logs has news of :mod:`modeldeck_tui.screens.logs.news`."""

    def __init__(self, news: object) -> None:
        self.news = news
        super().__init__()


class Fetched(Message):
    """Something was read for a page; an exception when it could not be."""

    def __init__(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- any document
        self.tag = tag
        self.value = value
        super().__init__()


class ActionDone(Message):
    """Something that a person asked for was done, or refused."""

    def __init__(self, deed: int, text: str, *, is_error: bool = False) -> None:
        self.deed = deed
        self.text = text
        self.is_error = is_error
        super().__init__()
