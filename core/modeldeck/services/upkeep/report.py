"""Lines of the doctor's report, and what every check is given."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from modeldeck.domain.history.documents import DoctorLine
from modeldeck.errors import DamageError, ModelDeckError, TamperingError, UnavailableError
from modeldeck.services.base.deck import Deck

OK, NOTE, PROBLEM, REPAIRED, STUCK = "ok", "note", "problem", "repaired", "not-repairable"
REPAIR = "`modeldeck doctor --repair` mends it."


@dataclass(frozen=True)
class Exam:
    """One examination: the workspace, and whether to mend what is found.

    Attributes
    ----------
    deck : Deck
        The workspace; opened anew once its ledger was mended.
    is_repairing : bool
        Mend what can be mended.
    """

    deck: Deck
    is_repairing: bool

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.deck.root

    @property
    def now(self) -> datetime:
        """The time of this computer."""
        return self.deck.now()

    def reopened(self) -> Exam:
        """Return the same of a workspace that was read anew."""
        return replace(self, deck=self.deck.reopened())


Check = Callable[[Exam], Iterator[DoctorLine]]


def ok(name: str, text: str) -> DoctorLine:
    """Return a line about something that is well."""
    return DoctorLine(name=name, state=OK, text=text, hint="", exit_code=0)


def note(name: str, text: str, *, hint: str = "") -> DoctorLine:
    """Return a line about something that is worth knowing and needs no mending."""
    return DoctorLine(name=name, state=NOTE, text=text, hint=hint, exit_code=0)


def problem(
    name: str, text: str, *, hint: str, exit_code: int = DamageError.exit_code
) -> DoctorLine:
    """Return a line about something that is wrong."""
    return DoctorLine(name=name, state=PROBLEM, text=text, hint=hint, exit_code=exit_code)


def tampering(name: str, text: str, *, hint: str) -> DoctorLine:
    """Return a line about history that somebody changed, which nothing here mends."""
    return stuck(name, text, hint=hint, exit_code=TamperingError.exit_code)


def repaired(name: str, text: str, *, hint: str = "") -> DoctorLine:
    """Return a line about something that was wrong and is well now."""
    return DoctorLine(name=name, state=REPAIRED, text=text, hint=hint, exit_code=0)


def stuck(name: str, text: str, *, hint: str, exit_code: int = DamageError.exit_code) -> DoctorLine:
    """Return a line about something that is wrong and that only a person can mend."""
    return DoctorLine(name=name, state=STUCK, text=text, hint=hint, exit_code=exit_code)


def unseen(name: str, error: ModelDeckError | OSError) -> DoctorLine:
    """Return a line about something that could not be looked at."""
    hint = error.hint if isinstance(error, ModelDeckError) else ""
    text = error.message if isinstance(error, ModelDeckError) else str(error)
    code = UnavailableError.exit_code
    return problem(
        name, f"It could not be looked at: {text}", hint=hint or "Try again.", exit_code=code
    )


def mended(
    exam: Exam, name: str, *, text: str, mend: Callable[[], object], done: str, hint: str = ""
) -> DoctorLine:
    """Return a line about one thing that is wrong, having mended it if asked to.

    Parameters
    ----------
    exam : Exam
        Says whether to mend.
    name, text : str
        The line's name, and what is wrong.
    mend : callable
        Mends it; an error of ours or of the system's is why it could not.
    done : str
        What was done about it.
    hint : str
        What to do where it cannot be mended; empty takes what the error says.
    """
    if not exam.is_repairing:
        return problem(name, text, hint=REPAIR)
    try:
        mend()
    except ModelDeckError as error:
        return stuck(name, f"{text} {error.message}", hint=hint or error.hint or "Mend it by hand.")
    except OSError as error:
        because = f"It could not be mended: {error.strerror}."
        return stuck(
            name, f"{text} {because}", hint=hint or "Ask the owner of the file, or of the folder."
        )
    return repaired(name, f"{text} {done}")


def counted(count: int, what: str) -> str:
    """Return how many there are of something.

    >>> counted(1, "entry"), counted(2000, "entry"), counted(2, "run")
    ('1 entry', '2,000 entries', '2 runs')
    """
    several = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what if count == 1 else several}"


def account(uid: int) -> str:
    """Return the name of an account, or its number where it has none here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def owner_of(path: Path) -> str:
    """Return the name of the account that owns a file; empty when it is not there."""
    try:
        return account(os.lstat(path).st_uid)
    except OSError:
        return ""
