"""The documents about datasets that lists, screens and ``--json`` show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

from modeldeck.domain.documents import DatasetUse, Number


class FileDocument(TypedDict):
    """One file of a version: its name below a folder, or its own; its SHA-256 and size."""

    name: str
    sha256: str
    size_bytes: int


class NumbersDocument(TypedDict):
    """The profile of a column of numbers.

    ``points`` are values with the number of rows each stands for, in ascending order; the rank of
    any value among them is off by at most ``rank_error`` (a share of all rows, 0 when exact).
    """

    count: int
    infinite: int
    min: Number | None
    max: Number | None
    mean: Number | None
    sd: Number | None
    deciles: list[Number]
    points: list[list[Number]]
    rank_error: float


class CategoriesDocument(TypedDict):
    """The profile of a column of texts or truth values.

    ``top`` are the most frequent values with their counts, ``other`` counts the rows of all others.
    A count is too low by at most ``count_error``. ``unique`` is estimated from ``hashes``, the
    smallest digests of its values, where ``unique_is_exact`` is False.
    """

    count: int
    top: list[list[str | int]]
    other: int
    count_error: int
    unique: int
    unique_is_exact: bool
    hashes: list[int]


class TimesDocument(TypedDict):
    """The profile of a column of dates or times: the first and the last, as texts."""

    count: int
    min: str
    max: str


class ColumnDocument(TypedDict):
    """One column: its type, missing values, and the profile that fits its type.

    ``mixed`` counts the numbers among the texts of a column that holds both, else 0.
    """

    name: str
    type: str
    missing: int
    mixed: int
    numbers: NotRequired[NumbersDocument]
    categories: NotRequired[CategoriesDocument]
    times: NotRequired[TimesDocument]


class DatasetDocument(TypedDict):
    """One frozen version of a dataset; its identity is ``digest``.

    For a file that is the SHA-256 of its bytes, for a folder that of what ``sha256sum`` prints for
    its files in the order of their names. ``rows`` is None where no file is a table. ``snapshot``
    says how the contents were to be kept: copy, reflink (a copy where the file system shares no
    blocks), or none. ``problem`` is there when the
    description cannot be read, and says why.
    """

    id: str
    name: str
    version: int
    digest: str
    description: str
    added_by: str
    added_at: str
    level: str
    reason: str
    kind: str
    source: str
    formats: list[str]
    n_files: int
    size_bytes: int
    rows: int | None
    n_columns: int
    target: str
    key: list[str]
    snapshot: str
    tags: dict[str, str]
    problem: NotRequired[str]


class UsedBy(TypedDict):
    """What a version of a dataset was used by: full ids of runs, versions and releases."""

    runs: list[str]
    versions: list[str]
    releases: list[str]


class DatasetDetail(DatasetDocument):
    """A version with its columns, files, uses, and other versions of the same contents."""

    columns: list[ColumnDocument]
    files: list[FileDocument]
    used_by: UsedBy
    same_as: list[str]


def named(uses: Sequence[DatasetUse], versions: Iterable[DatasetDocument]) -> list[str]:
    """Return what some contents are called: the version that they are, else as the run called them.

    Where several versions have the same contents, the one that the run named comes first.
    """
    frozen: dict[str, list[str]] = {}
    for one in versions:
        frozen.setdefault(one["digest"], []).append(one["id"])
    found = []
    for used in uses:
        known = frozen.get(used["digest"], [used["name"]])
        found.append(used["name"] if used["name"] in known else known[0])
    return found


class AddedDocument(TypedDict):
    """What became of adding contents; ``existed`` says that they were a version already."""

    existed: bool
    dataset: DatasetDocument


class ColumnChange(TypedDict):
    """A column that was added, removed or got another type."""

    name: str
    change: str
    before: str
    after: str


class ChangedRow(TypedDict):
    """A row whose key is on both sides: its key, and each changed column before and after."""

    key: dict[str, object]
    columns: dict[str, list[object]]


class RowsDiff(TypedDict):
    """Which rows differ; ``by`` names the key columns, or is empty: whole rows were compared.

    ``changed`` and what belongs to it stay empty without a key. ``changed_columns`` counts the
    changed rows of each column among the first ``n_examined`` changed rows.
    """

    by: list[str]
    compared: list[str]
    added: int
    removed: int
    changed: int
    changed_columns: dict[str, int]
    n_examined: int
    added_rows: list[dict[str, object]]
    removed_rows: list[dict[str, object]]
    changed_rows: list[ChangedRow]


class MoveDocument(TypedDict):
    """How far the distribution of one column moved, and how sure that is.

    ``statistic`` is ``KS`` (its largest distance of cumulative shares) or ``chi-square``; ``q`` is
    its p-value after Benjamini and Hochberg over all columns; ``psi`` is debiased. ``moved`` is
    None where there are too few rows. Shares of missing values stand beside it.
    """

    column: str
    statistic: str
    value: Number
    p: float | None
    q: float | None
    psi: float | None
    n_before: int
    n_after: int
    rank_error: float
    missing_before_share: float
    missing_after_share: float
    moved: bool | None
    why: str


class SideDocument(TypedDict):
    """One side of a comparison: a version, or a file on disk."""

    name: str
    digest: str
    rows: int | None
    size_bytes: int


class DatasetDiff(TypedDict):
    """What differs between two versions, or a version and a file.

    ``rows`` is None where rows were not compared; ``rows_reason`` says why.
    """

    before: SideDocument
    after: SideDocument
    is_equal: bool
    columns: list[ColumnChange]
    rows: RowsDiff | None
    rows_reason: str
    moves: list[MoveDocument]
    rule: str


class DatasetCheck(TypedDict):
    """What verifying one version found.

    ``snapshot`` is whole, damaged, or not kept; ``working`` says what the file that it was added
    from is now: empty when that is not in the workspace.
    """

    id: str
    ok: bool
    snapshot: str
    problems: list[str]
    source: str
    working: str
