"""Values of the state: remarks, what came from elsewhere, data, runs that were put away."""

from __future__ import annotations

from dataclasses import dataclass

from modeldeck.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Annotation:
    """A dated remark; its text is an object of the given digest.

    Once its text was removed, ``redacted_by`` and ``redacted_because`` say by whom and why.
    """

    id: str
    subject: str
    by: str
    at: str
    object: str
    is_withdrawn: bool = False
    redacted_by: str = ""
    redacted_because: str = ""


@dataclass(frozen=True, slots=True)
class Sync:
    """What was last taken in from another workspace: up to its entry ``n``, by digest ``head``.

    ``taken`` names the object that lists what was taken.
    """

    workspace: str
    name: str
    n: int
    head: str
    taken: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """Frozen contents of a dataset, known by their digest; an object describes them."""

    id: str
    name: str
    number: int
    digest: str
    description: str
    reason: str
    by: str
    at: str
    level: Level


@dataclass(frozen=True, slots=True)
class Shelved:
    """That a run was archived or deleted: by which entry, by whom, and when."""

    n: int
    by: str
    at: str
