"""What differs between two versions of a dataset, or between a version and a file on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from modeldeck import ids
from modeldeck.domain.datasets.documents import (
    ColumnChange,
    ColumnDocument,
    DatasetDiff,
    MoveDocument,
    RowsDiff,
    SideDocument,
)
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.services.base import descriptions
from modeldeck.services.datasets import paths, tables
from modeldeck.services.datasets.tables import TableFile
from modeldeck.store import contents

if TYPE_CHECKING:
    from modeldeck.services.datasets.datasets import Datasets

MAX_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """How two sides are compared.

    ``key`` are columns that name a row; None takes those that the versions were added with, empty
    compares whole rows. ``limit`` rows of each kind are shown. Without ``has_rows`` only columns
    and distributions are compared.
    """

    key: Sequence[str] | None = None
    limit: int = 10
    has_rows: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """One side: what is shown of it, its tables (None when they are not here), its profile."""

    document: SideDocument
    files: list[TableFile] | None
    columns: list[ColumnDocument] | None
    key: Sequence[str] = ()
    why_not: str = ""

    def spec(self) -> dict[str, object]:
        """Return the side as the job takes it."""
        return {
            "name": self.document["name"],
            "files": [one.spec() for one in self.files or ()],
            "columns": self.columns,
            "n_rows": self.document["rows"],
        }


def compare(datasets: Datasets, before: str, *, after: str, request: Request) -> DatasetDiff:
    """Return what differs; see :meth:`modeldeck.services.datasets.datasets.Datasets.diff`."""
    if not 0 <= request.limit <= MAX_LIMIT:
        msg = f"Up to {MAX_LIMIT:,} rows can be shown, not {request.limit:,}."
        raise InvalidInputError(msg, "Name a number from 0 on.")
    old, new = (_side(datasets, one) for one in (before, after))
    for side in (old, new):
        if side.document["rows"] is None and not (side.files and side.columns is None):
            msg = f"{side.document['name']} holds no table; there is nothing to compare."
            raise InvalidInputError(msg, "`modeldeck dataset show` lists its files.")
    key = list(request.key if request.key is not None else old.key or new.key)
    why_not = old.why_not or new.why_not
    if not request.has_rows:
        why_not = "it was not asked for"
    spec = {
        "do": "diff",
        "before": old.spec(),
        "after": new.spec(),
        "key": key,
        "limit": request.limit,
        "has_rows": not why_not,
    }
    return _document(old, new, answer=tables.ask(datasets.deck.root, spec), why_not=why_not)


def _document(old: Side, new: Side, *, answer: dict[str, Any], why_not: str) -> DatasetDiff:
    rows = cast("RowsDiff | None", answer["rows"])
    if rows is None and not why_not:
        why_not = f"a side has more than {answer['most_rows']:,} rows"
    return DatasetDiff(
        before={**old.document, "rows": answer["before_rows"]},
        after={**new.document, "rows": answer["after_rows"]},
        is_equal=old.document["digest"] == new.document["digest"],
        columns=cast("list[ColumnChange]", answer["columns"]),
        rows=rows,
        rows_reason="" if rows is not None else why_not,
        moves=cast("list[MoveDocument]", answer["moves"]),
        rule=str(answer["rule"]),
    )


def _side(datasets: Datasets, typed: str) -> Side:
    """Return a version, or else the file or folder of that path."""
    if not _is_known(datasets, typed):
        return _of_path(datasets, typed)
    version = datasets.version(typed)
    known = datasets.description(version)
    files, because = tables.at_hand(datasets.deck, known)
    document = SideDocument(
        name=version["id"],
        digest=version["digest"],
        rows=version["rows"],
        size_bytes=version["size_bytes"],
    )
    why_not = f"the contents of {version['id']} are not here: {because}" if files is None else ""
    return Side(document, files, descriptions.columns(known), version["key"], why_not)


def _is_known(datasets: Datasets, typed: str) -> bool:
    wanted = typed.removeprefix("dataset:")
    with datasets.deck.reading() as state:
        return wanted in state.datasets or wanted in state.dataset_versions


def _of_path(datasets: Datasets, typed: str) -> Side:
    try:
        path = paths.checked(datasets.deck.root, typed)
    except NotFoundError:
        msg = f"There is no version of a dataset, and no file, {typed[:120]!r}."
        near = ids.nearest(typed, (one["id"] for one in datasets.views.datasets()))
        hint = f"{near}`modeldeck dataset list` shows the versions; one is written sales@3."
        raise NotFoundError(msg, hint, name=typed) from None
    found = contents.read(path)
    document = SideDocument(
        name=paths.shown(datasets.deck.root, path),
        digest=found.digest,
        rows=None,
        size_bytes=found.size_bytes,
    )
    return Side(document, tables.of(found), None)
