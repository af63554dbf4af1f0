"""Documents of overrides, broken glass and revoked versions, and what a time makes of a release."""

from __future__ import annotations

from modeldeck.domain import quorum
from modeldeck.domain.documents import ReleaseDocument
from modeldeck.domain.exceptional import glass as rules
from modeldeck.domain.exceptional.things import Glass, Revocation
from modeldeck.domain.policies.documents import (
    GlassDocument,
    OverrideDocument,
    RevocationDocument,
)
from modeldeck.domain.policies.timing import Timing
from modeldeck.domain.state import Endpoint, Release, State


def overrides(state: State, release: Release) -> list[OverrideDocument]:
    """Return the overrides of a release."""
    fallen = set(quorum.fallen_overrides(state, release))
    return [
        OverrideDocument(
            by=one.by,
            at=one.at,
            checks=list(one.checks),
            reason=one.reason,
            holds=one not in fallen,
            digest=one.digest,
        )
        for one in release.overrides
    ]


def glass(state: State, endpoint: Endpoint, *, known: Glass) -> GlassDocument:
    """Return when the glass of an endpoint was broken last; whoever shows it adds the time."""
    return GlassDocument(
        n=known.n,
        by=known.by,
        at=known.at,
        version=known.version,
        before=known.before,
        reason=known.reason,
        review_by=known.review_by,
        reviewed_by=known.reviewed_by,
        reviewed_at=known.reviewed_at,
        review=known.review,
        is_overdue=False,
        reviewers=[] if known.reviewed_by else rules.reviewers(state, endpoint),
    )


def revocation(known: Revocation) -> RevocationDocument:
    """Return who revoked a version."""
    return RevocationDocument(by=known.by, at=known.at, reason=known.reason)


def add_timing(document: ReleaseDocument, timed: Timing) -> None:
    """Put what a time makes of a release into its document."""
    if not timed.ends_at:
        return
    document["status"], document["expires_at"] = timed.status, timed.ends_at
    document["is_open"] = timed.status != "expired"
    document["is_ending"] = timed.is_ending
    if timed.frozen is not None and document["is_open"]:
        document["frozen"], document["frozen_until"] = timed.frozen.text, timed.frozen.until


def frozen_vote(state: State, release: Release, *, timed: Timing) -> str:
    """Return why a deciding approval is to be held back now; empty when it is not."""
    environment = state.policy.environment(release.environment, model=release.model)
    if timed.frozen is None or environment.deploy != "on-approval":
        return ""
    return f"your approval would deploy it, and {timed.frozen.text.rstrip('.')}"
