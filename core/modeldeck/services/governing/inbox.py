"""The inbox: what waits for somebody, what they wait for themselves, and what ends soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from modeldeck import clock
from modeldeck.domain import quorum
from modeldeck.domain.documents import InboxItem, ReleaseDocument
from modeldeck.domain.reading.reviews import InboxDocument, ProposalDocument
from modeldeck.services.base.deck import Deck
from modeldeck.services.governing.proposals import Proposals
from modeldeck.services.overview import Overview
from modeldeck.services.releases import Releases

SOON = timedelta(hours=24)
"""What ends within this time is about to expire."""
_SUPPORT_URGENCY = 1


class Inbox:
    """What concerns the actor."""

    def __init__(
        self, deck: Deck, *, overview: Overview, releases: Releases, proposals: Proposals
    ) -> None:
        self.deck = deck
        self.overview = overview
        self.releases = releases
        self.proposals = proposals

    def read(self, *, has_runs: bool = True) -> InboxDocument:
        """Return everything that concerns the actor, in three lists.

        Parameters
        ----------
        has_runs : bool
            Whether failed runs of the actor count, which costs reading all runs the first time.
        """
        releases = self.releases.list(open_only=True)
        proposals = self.proposals.list()
        waiting = [*self.overview.inbox(has_runs=has_runs), *support_items(proposals)]
        return InboxDocument(
            waiting=sorted(waiting, key=lambda one: (one["urgency"], one["since"])),
            mine=self._mine(releases, proposals=proposals),
            expiring=self._expiring(releases),
        )

    def _mine(
        self, releases: Sequence[ReleaseDocument], *, proposals: Sequence[ProposalDocument]
    ) -> list[InboxItem]:
        actor = self.deck.actor.name
        found = [
            _of_release("asked", one, detail=_state_of(one))
            for one in releases
            if one["requested_by"] == actor
        ]
        found += [
            _of_proposal("proposed", one, detail=f"waits for {_owners(one)}")
            for one in proposals
            if one["by"] == actor
        ]
        return sorted(found, key=lambda one: one["since"], reverse=True)

    def _expiring(self, releases: Sequence[ReleaseDocument]) -> list[InboxItem]:
        now = self.deck.now()
        found = []
        for one in releases:
            ends = self._ends_at(one)
            if ends and ends <= clock.to_text(now + SOON):
                what = "its approvals end" if one["status"] == "approved" else "the request ends"
                item = _of_release("ends", one, detail=f"{what} in {_left(ends, now)}")
                found.append((ends, item))
        return [item for _ends, item in sorted(found, key=lambda one: one[0])]

    def _ends_at(self, release: ReleaseDocument) -> str:
        """Return when a release ends unless somebody acts: its request, or its first approval."""
        if release["status"] != "approved":
            return release["expires_at"]
        with self.deck.reading() as state:
            known = state.release(release["id"])
            held = quorum.approving(state, known, issued=clock.to_text(self.deck.now()))
        return min((one.expires for one in held.values()), default="")


def support_items(proposals: Sequence[ProposalDocument]) -> list[InboxItem]:
    """Return the proposals that the actor could support, as what waits for them."""
    return [
        _of_proposal("support", one, detail=f"{one['by']} proposes it; {_count(one)}")
        for one in proposals
        if one["can_support"]
    ]


def _count(proposal: ProposalDocument) -> str:
    return f"{len(proposal['supporters'])} of {proposal['needed']} owners"


def _owners(proposal: ProposalDocument) -> str:
    return f"{', '.join(proposal['open_owners']) or 'nobody'}; {_count(proposal)}"


def _of_proposal(kind: str, proposal: ProposalDocument, *, detail: str) -> InboxItem:
    return InboxItem(
        kind=kind,
        subject=f"proposal:{proposal['id']}",
        title=proposal["text"],
        detail=detail,
        since=proposal["at"],
        urgency=_SUPPORT_URGENCY,
    )


def _of_release(kind: str, release: ReleaseDocument, *, detail: str) -> InboxItem:
    return InboxItem(
        kind=kind,
        subject=f"release:{release['id']}",
        title=f"{release['version']} to {release['environment']}",
        detail=detail,
        since=release["requested_at"],
        urgency=_SUPPORT_URGENCY,
    )


def _state_of(release: ReleaseDocument) -> str:
    lacks = f"lacks {', '.join(release['missing'])}" if release["missing"] else ""
    return ": ".join(one for one in (release["status"].replace("-", " "), lacks) if one)


def _left(ends: str, now: datetime) -> str:
    """Return how long is left, in hours and minutes."""
    minutes = max(0, int((clock.from_text(ends) - now).total_seconds()) // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
