"""The person at the screen is asked what a key wants to know, from the thread that signs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from textual.app import App

from modeldeck.domain.membership.questions import Question
from modeldeck_tui.screens.overlays.unlocking import TouchDialog, UnlockDialog

_LOOK_S = 0.1
"""How soon a question that nobody waits for any more goes away."""


class ScreenAsker:
    """Asks in a dialog over whatever page is open, one question at a time."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._lock = threading.Lock()

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:
        """Return the answer; None when the person cancels, or leaves the screen."""
        with self._lock:
            answer: Future[str | None] = Future()
            dialog = (UnlockDialog if question.has_answer else TouchDialog)(question)
            try:
                self._app.call_from_thread(self._app.push_screen, dialog, answer.set_result)
            except RuntimeError:  # the screen is not open any more
                return None
            return self._answer(answer, dialog, is_withdrawn=is_withdrawn)

    def _answer(
        self,
        answer: Future[str | None],
        dialog: UnlockDialog,
        *,
        is_withdrawn: Callable[[], bool],
    ) -> str | None:
        while True:
            with contextlib.suppress(TimeoutError):
                return answer.result(_LOOK_S)
            if not self._app.is_running:
                return None
            if is_withdrawn():
                with contextlib.suppress(RuntimeError):
                    self._app.call_from_thread(dialog.withdraw)
                return ""
