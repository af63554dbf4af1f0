"""What depends on now: whether a release is expired, frozen or about to end, a review overdue.

The fold stores none of it; whoever shows or decides something computes it for their own time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from modeldeck import clock
from modeldeck.domain import quorum
from modeldeck.domain.exceptional.things import Glass
from modeldeck.domain.policies.freezes import frozen_until
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import OPEN, Release, State
from modeldeck.errors import UnavailableError

GRACE = timedelta(minutes=5)
"""How long after a freeze began a server still takes in what was decided just before."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a time makes of a release.

    Attributes
    ----------
    status : str
        The release's state, or ``expired``.
    ends_at : str
        When it ends if nobody does anything: the request's end, or, once it is approved, when its
        approvals are not enough any more. Empty for what is decided.
    is_ending : bool
        Whether people are to be reminded of that.
    frozen : Frozen or None
        The freeze that keeps it from going live now.
    """

    status: str
    ends_at: str
    is_ending: bool
    frozen: Frozen | None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze: until when (a time, empty when nobody can tell), and a sentence about it."""

    until: str
    text: str


def status(state: State, release: Release, *, now: str) -> Timing:
    """Return what a time makes of a release.

    Parameters
    ----------
    state : State
        The folded ledger.
    release : Release
        One of its releases.
    now : str
        The time, as :mod:`modeldeck.clock` writes it.
    """
    environment = state.policy.known(release.environment, model=release.model)
    if release.status not in OPEN or environment is None:
        return Timing(release.status, "", is_ending=False, frozen=None)
    until = ends_at(state, release)
    is_over = now > until
    ttl_s = environment.request_ttl_s
    if release.status == "approved":
        ttl_s = environment.approval_ttl_s
    ahead = timedelta(seconds=min(environment.remind_before_s, ttl_s // 2))
    return Timing(
        status="expired" if is_over else release.status,
        ends_at=until,
        is_ending=not is_over and clock.from_text(now) >= clock.from_text(until) - ahead,
        frozen=freeze(environment, now=now),
    )


def ends_at(state: State, release: Release) -> str:
    """Return when an open release ends by itself.

    A request ends when it says so. An approved release ends when so many of its approvals are over
    that the rest is not enough; where nobody was asked it ends with its request.
    """
    if release.status != "approved":
        return release.expires
    environment = state.policy.environment(release.environment, model=release.model)
    votes = quorum.approving(state, release, issued="")
    for moment in sorted({vote.expires for vote in votes.values()}):
        left = {
            name: state.members[name].roles for name, vote in votes.items() if vote.expires > moment
        }
        if quorum.missing(environment, left):
            return moment
    return release.expires


def freeze(environment: Environment, *, now: str) -> Frozen | None:
    """Return the freeze that an environment is in; None when it is in none.

    Where that cannot be found out, because this computer does not know the time zone, it counts as
    frozen.
    """
    try:
        until = frozen_until(environment.freeze, environment.freeze_zone, now=clock.from_text(now))
    except UnavailableError as error:
        text = f"{environment.name} may be frozen: {error.message} {error.hint}"
        return Frozen("", text)
    if until is None:
        return None
    return Frozen(clock.to_text(until), f"{environment.name} is frozen until {_shown(until)}.")


def _shown(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M} UTC"


def begun_freeze(environment: Environment, *, now: str) -> Frozen | None:
    """Return the freeze that keeps a server from swapping: one that began a while ago.

    What was decided just before a freeze still goes live in its first minutes (:data:`GRACE`).
    """
    found = freeze(environment, now=now)
    before = clock.to_text(clock.from_text(now) - GRACE)
    return found if found is not None and freeze(environment, now=before) is not None else None


def too_late(state: State, release: Release, *, now: str) -> str:
    """Return why a server may not begin to serve what a release deploys; empty when it may.

    Parameters
    ----------
    state : State
        The folded ledger.
    release : Release
        One that is deploying.
    now : str
        The time by the server's clock.
    """
    left = quorum.lacks(state, release, issued=now)
    if left:
        return (
            f"{release.id} lacks {', '.join(left)}: by this server's clock its approvals expired "
            "or were revoked before it went live."
        )
    revoked = state.revoked.get(release.manifest)
    if revoked is not None:
        return f"{release.version} was revoked by {revoked.by}: {revoked.reason}"
    environment = state.policy.environment(release.environment, model=release.model)
    if environment.asks_nobody and now > release.expires:
        return f"{release.id} expired at {release.expires} by this server's clock."
    found = begun_freeze(environment, now=now)
    return f"{found.text} {release.id} may go live after that." if found else ""


def is_overdue(glass: Glass, *, now: str) -> bool:
    """Say whether broken glass should have been reviewed by now."""
    return not glass.reviewed_by and now > glass.review_by
