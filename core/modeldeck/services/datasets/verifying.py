"""Verifying versions: the contents that are kept, and the files that they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeldeck.domain.datasets.documents import DatasetCheck, DatasetDocument
from modeldeck.errors import DamageError, ModelDeckError, NotFoundError
from modeldeck.services.datasets import paths
from modeldeck.store import contents

if TYPE_CHECKING:
    from modeldeck.services.datasets.datasets import Datasets

_MOST = 20
"""Damaged files of one version that are named."""


def check(datasets: Datasets, version: DatasetDocument) -> DatasetCheck:
    """Check one version.

    Raises
    ------
    NotPermittedError, UnavailableError
        Something cannot be looked at, which says nothing about it.
    """
    problems = []
    try:
        known = datasets.description(version)
    except DamageError as error:
        problems = [error.message]
    else:
        for one in known["files"] if version["snapshot"] != "none" else ():
            problem = datasets.deck.objects.problem(one["sha256"], data=True)
            if problem and len(problems) < _MOST:
                problems.append(f"{one['name']} ({one['sha256'][:12]}) {problem}")
    is_kept = version["snapshot"] != "none" or bool(problems)
    return DatasetCheck(
        id=version["id"],
        ok=not problems,
        snapshot="damaged" if problems else "whole" if is_kept else "not kept",
        problems=problems,
        source=version["source"],
        working=_working(datasets, version),
    )


def _working(datasets: Datasets, version: DatasetDocument) -> str:
    path = paths.working(datasets.deck.root, version["source"])
    if path is None:
        return ""
    try:
        digest = contents.read(path).digest
    except NotFoundError:
        return "is gone"
    except ModelDeckError as error:
        return f"cannot be read: {error.message.rstrip('.')}"
    if digest == version["digest"]:
        return "is this version"
    others = datasets.known_as(digest)
    return f"is {', '.join(others)} now" if others else "changed since"
