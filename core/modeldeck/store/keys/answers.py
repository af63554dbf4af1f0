"""Passphrases that were right, remembered while one deed signs several entries.

Within :func:`asked_once` a key's passphrase is asked for once: the next signature takes the answer
that opened the key before. It is held in this process alone, by whoever began (a thread that is
started within begins anew), and forgotten at the end. What a token asks is never remembered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from modeldeck.domain.membership.questions import Asker, Question

_KNOWN: ContextVar[dict[str, str] | None] = ContextVar("answers", default=None)


@contextlib.contextmanager
def asked_once() -> Iterator[None]:
    """Ask for each key's passphrase at most once within; one within another is the same."""
    if _KNOWN.get() is not None:
        yield
        return
    known: dict[str, str] = {}
    token = _KNOWN.set(known)
    try:
        yield
    finally:
        known.clear()
        _KNOWN.reset(token)


def remembered(fingerprint: str) -> str | None:
    """Return the answer that opened a key before; None where none is remembered."""
    known = _KNOWN.get()
    return known.get(fingerprint) if known is not None else None


def remember(fingerprint: str, answer: str | None) -> None:
    """Remember the answer that opened a key, where that is wanted; None forgets it."""
    known = _KNOWN.get()
    if known is not None and answer is None:
        known.pop(fingerprint, None)
    elif known is not None and answer is not None:
        known[fingerprint] = answer


class Given:
    """Answers what is known already."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:  # noqa: ARG002 -- as every asker
        """Return the answer; nothing for what only is to be seen."""
        return self._answer if question.has_answer else ""


class Heard:
    """Passes questions on, and keeps the last answer."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.answer: str | None = None

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:
        """Return what the person answered."""
        answer = self._asker.ask(question, is_withdrawn)
        if question.has_answer:
            self.answer = answer
        return answer
