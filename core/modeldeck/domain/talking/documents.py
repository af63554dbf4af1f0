"""The documents of discussion that lists, screens and ``--json`` show."""

from __future__ import annotations

from typing import TypedDict


class EarlierDocument(TypedDict):
    """A text that a remark had, and since when."""

    at: str
    text: str


class RemarkDocument(TypedDict):
    """One remark of a thread.

    ``edited_at`` is empty unless it was edited, then ``earlier`` has the texts before, oldest
    first; ``mentions`` are members. ``state`` is empty, ``withdrawn`` (its author took it back: the
    text is not shown) or ``removed`` (the text says by whom and why).
    """

    id: str
    by: str
    at: str
    text: str
    edited_at: str
    earlier: list[EarlierDocument]
    mentions: list[str]
    state: str


class ThreadDocument(TypedDict):
    """A thread about an entity, or a ``place`` within it; ``status`` is open or resolved.

    ``blocks`` are the releases that cannot be decided before it is resolved. ``can_resolve`` is for
    whoever looks, ``why_not`` says why they cannot. ``strange`` are names that the remark just
    written mentions and nobody has, with the nearest one that somebody has, or an empty text.
    """

    id: str
    subject: str
    entity: str
    place: str
    status: str
    by: str
    at: str
    level: str
    resolved_by: str
    resolved_at: str
    because: str
    last_at: str
    remarks: list[RemarkDocument]
    blocks: list[str]
    can_resolve: bool
    why_not: str
    strange: dict[str, str]
