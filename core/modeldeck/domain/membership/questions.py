"""What a person is asked while something is signed: a passphrase, a PIN, a touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one key.

    Attributes
    ----------
    prompt : str
        What ``ssh-keygen`` says, as it came: foreign text.
    fingerprint : str
        The key's, as ``ssh-keygen -l`` prints it.
    path : str
        The key's file; empty for a key without one.
    attempt : int
        1 for the first time; higher after a wrong passphrase.
    has_answer : bool
        False for a notice that only has to be seen: the hardware key waits to be touched.
    is_hardware : bool
        The key lives in a token.
    """

    prompt: str
    fingerprint: str
    path: str = ""
    attempt: int = 1
    has_answer: bool = True
    is_hardware: bool = False


class Asker(Protocol):
    """Asks the person at the screen; called from the thread that signs."""

    def ask(self, question: Question, is_withdrawn: Callable[[], bool]) -> str | None:
        """Return the answer; None when the person cancels.

        A notice is shown until ``is_withdrawn`` says that it is over, and then answered with an
        empty text; a question that is withdrawn, as after a time-out, is closed in the same way.
        """
