"""Values of the state: remarks, what came from elsewhere, data, runs that were put away."""

from __future__ import annotations

from dataclasses import dataclass

from modeldeck.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a remark had before it was edited: its object, and since when."""

    object: str
    at: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A dated remark; its text is an object of the given digest.

    ``thread`` is the id of the remark that its thread begins with, its own where it is the first;
    empty outside of threads. ``earlier`` are the texts before ``edited_at``, oldest first. Once its
    texts were removed, ``redacted_by`` and ``redacted_because`` say by whom and why.
    """

    id: str
    subject: str
    by: str
    at: str
    object: str
    is_withdrawn: bool = False
    redacted_by: str = ""
    redacted_because: str = ""
    thread: str = ""
    edited_at: str = ""
    earlier: tuple[Text, ...] = ()

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects of all its texts, the newest last."""
        return (*(one.object for one in self.earlier), self.object)


@dataclass(frozen=True, slots=True)
class Thread:
    """A discussion that begins with the remark of its id; open until somebody resolves it.

    ``at`` is when it began to wait for an answer; ``level`` is the highest of what keeps it open.
    """

    id: str
    subject: str
    by: str
    at: str
    level: Level
    is_resolved: bool = False
    resolved_by: str = ""
    resolved_at: str = ""
    because: str = ""


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
