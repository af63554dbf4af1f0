"""What ``--json`` and screens show of overrides, broken glass, revoked versions, and policies."""

from __future__ import annotations

from typing import TypedDict

from modeldeck.domain.entry import Json


class OverrideDocument(TypedDict):
    """That somebody overrode failed checks of a release's gate; ``holds`` says whether it counts.

    It does not any more when its author left, or lost the role.
    """

    by: str
    at: str
    checks: list[str]
    reason: str
    holds: bool
    digest: str


class GlassDocument(TypedDict):
    """That the glass of an endpoint was broken, and the review of that.

    ``before`` is the version that was served until then; ``review_by`` when a review is due;
    ``reviewed_by`` is empty until then. ``is_overdue`` is told where somebody looks just now.
    """

    n: int
    by: str
    at: str
    version: str
    before: str
    reason: str
    review_by: str
    reviewed_by: str
    reviewed_at: str
    review: str
    is_overdue: bool
    reviewers: list[str]


class RevocationDocument(TypedDict):
    """That a version's contents may go live nowhere any more."""

    by: str
    at: str
    reason: str


class PolicyDocument(TypedDict):
    """A policy; ``since_n`` is the entry that it is in force since, 0 for a proposed one."""

    digest: str
    since_n: int
    since: str
    by: str
    policy: dict[str, Json]
    warnings: list[str]


class PolicyChange(TypedDict):
    """One key that differs; a side that lacks it is empty."""

    key: str
    before: str
    after: str
