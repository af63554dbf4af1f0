"""Values of the state: overrides of a release, broken glass of an endpoint, revoked contents."""

from __future__ import annotations

from dataclasses import dataclass

from modeldeck.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Override:
    """That somebody lets a release go on although some required checks failed.

    ``digest`` is that of its entry, which every vote on the release names; ``key`` is what signed
    it.
    """

    n: int
    digest: str
    by: str
    at: str
    checks: tuple[str, ...]
    reason: str
    level: Level
    key: str = ""


@dataclass(frozen=True, slots=True)
class Glass:
    """That somebody broke the glass of an endpoint, and who reviewed that afterwards.

    ``before`` is the version that was served until then, empty for none; ``review_by`` is a time;
    ``reviewed_by`` is empty until somebody did.
    """

    n: int
    by: str
    at: str
    issued: str
    version: str
    before: str
    reason: str
    review_by: str
    reviewed_by: str = ""
    reviewed_at: str = ""
    review: str = ""


@dataclass(frozen=True, slots=True)
class Revocation:
    """That contents, by the digest of their manifest, may go live nowhere any more."""

    n: int
    by: str
    at: str
    version: str
    reason: str
