"""The doctor: what is wrong with a workspace's folder, what that means, and mending it.

The ledger comes first, because everything else is read from it; once it was mended the workspace
is opened anew. A check that cannot look at something says so and ends nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from modeldeck.domain.history.documents import DoctorDocument, DoctorLine
from modeldeck.errors import (
    DamageError,
    ModelDeckError,
    NotPermittedError,
    TamperingError,
    UnavailableError,
    UsageError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.upkeep import blobs, chain, decisions, levels, living, surroundings
from modeldeck.services.upkeep.report import REPAIRED, Check, Exam, unseen

_ORDER = (TamperingError.exit_code, DamageError.exit_code, UnavailableError.exit_code)
"""The exit code of a report is the first of these that one of its lines has."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("ledger copies", chain.copies),
    ("remembered head", chain.memory),
    ("objects", blobs.objects),
    ("modes", chain.modes),
    ("configuration", living.configuration),
    ("policy", decisions.policy),
    ("emergencies", decisions.emergencies),
    ("runs", living.runs),
    ("prediction logs", living.streams),
    ("leftovers", chain.tmp),
    ("catalogue", living.catalogue),
    ("file system", surroundings.file_system),
    ("space", surroundings.space),
    ("clock", surroundings.clocks),
    ("times", surroundings.future_entries),
    ("permissions", surroundings.permissions),
    ("identity", surroundings.identity),
    ("versions", surroundings.versions),
)


def examine(deck: Deck, *, is_repairing: bool = False) -> DoctorDocument:
    """Look at everything in a workspace's folder, and mend it if asked to.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    is_repairing : bool
        Mend what can be mended for certain; nothing is thrown away, what lay in the place of
        something restored goes into the trash for a week.

    Returns
    -------
    DoctorDocument
        ``exit_code`` is 0 when all is well or mended; else 11 where history was changed, 10 where
        something is wrong that remains, 12 where something could not be looked at.

    Raises
    ------
    UsageError
        The workspace is looked at as it was.
    NotPermittedError
        Repairs were asked for in a workspace that was opened read-only.
    """
    if deck.as_of:
        msg = "The doctor looks at the folder as it is now."
        raise UsageError(msg, "Leave --as-of out.")
    if is_repairing and deck.is_asked_read_only:
        msg = "The workspace was opened read-only; nothing is repaired."
        raise NotPermittedError(msg, "Leave --read-only out.")
    exam = Exam(deck, is_repairing)
    lines = list(_looked(exam, "ledger", check=chain.entries))
    exam = exam.reopened()
    for name, check in CHECKS:
        lines += _looked(exam, name, check=check)
    codes = {line["exit_code"] for line in lines}
    code = next((one for one in _ORDER if one in codes), 0)
    return DoctorDocument(
        ok=code == 0,
        exit_code=code,
        n_repaired=sum(1 for line in lines if line["state"] == REPAIRED),
        level=levels.of(exam.deck),
        checks=lines,
    )


def _looked(exam: Exam, name: str, *, check: Check) -> Iterator[DoctorLine]:
    try:
        yield from check(exam)
    except ModelDeckError as error:
        yield unseen(name, error)
    except OSError as error:
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        yield unseen(name, UnavailableError(f"{error.strerror}{where}."))
