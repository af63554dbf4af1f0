"""The overview: what waits for the actor, what is live, what runs, what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modeldeck import clock, ids
from modeldeck.domain.documents import (
    ActivityDocument,
    EndpointDocument,
    InboxItem,
    ReleaseDocument,
    RunDocument,
)
from modeldeck.services.activity import Activity
from modeldeck.services.base.deck import Deck
from modeldeck.services.deployments import Deployments
from modeldeck.services.governing.pending import proposals
from modeldeck.services.history.notices import notices
from modeldeck.services.releases import Releases
from modeldeck.services.runs import Runs
from modeldeck.services.talking.threads import Threads

RECENT = timedelta(hours=24)
RUNS_SINCE = timedelta(days=30)
"""Runs that began earlier are not looked at, whenever they ended."""
_SHOWN = 200
_ORDER = {
    "history": -1,
    "failed": 0,
    "silent": 0,
    "revoked": 0,
    "glass": 0,
    "approve": 1,
    "start": 1,
    "support": 1,
    "ending": 2,
    "changes": 2,
    "mention": 2,
    "thread": 2,
    "blocked": 3,
    "lost": 4,
    "run": 5,
}


class Overview:
    """What a person wants to see first."""

    def __init__(
        self,
        deck: Deck,
        *,
        runs: Runs,
        releases: Releases,
        deployments: Deployments,
        activity: Activity,
        threads: Threads,
    ) -> None:
        self.deck = deck
        self._runs = runs
        self._releases = releases
        self._deployments = deployments
        self._activity = activity
        self._threads = threads

    def inbox(self, *, has_runs: bool = True) -> Sequence[InboxItem]:
        """Return what waits for the actor, the most urgent first.

        Parameters
        ----------
        has_runs : bool
            Whether runs count, which costs reading them all the first time.
        """
        found = [
            *self._from_history(),
            *self._from_owners(),
            *self._from_releases(),
            *self._from_endpoints(),
            *self._from_threads(),
            *(self._from_runs() if has_runs else ()),
        ]
        return sorted(found, key=lambda one: (one["urgency"], one["since"]))

    def live(self) -> Sequence[EndpointDocument]:
        """Return the endpoints."""
        return self._deployments.list()

    def running(self) -> Sequence[RunDocument]:
        """Return the runs that run."""
        return self._runs.list(status="running")

    def latest(self, limit: int = 20) -> Sequence[ActivityDocument]:
        """Return the last entries of the ledger, newest first."""
        return self._activity.list(limit)

    def _from_history(self) -> list[InboxItem]:
        """Return what is wrong with the ledger itself: that concerns everybody."""
        now = clock.to_text(self.deck.now())
        return [
            InboxItem(
                kind="history",
                subject=f"entry:{one.n}",
                title=f"entry {one.n}",
                detail=one.text,
                since=now,
                urgency=_ORDER["history"],
            )
            for one in notices(self.deck)
        ]

    def _from_owners(self) -> list[InboxItem]:
        """Return what other owners proposed and the actor can support."""
        return [
            InboxItem(
                kind="support",
                subject=f"entry:{one['n']}",
                title=f"entry {one['n']} of {one['by']}",
                detail=f"{one['text']}: `modeldeck member support {one['n']}`",
                since=one["at"],
                urgency=_ORDER["support"],
            )
            for one in proposals(self.deck)
            if one["waits_for_me"]
        ]

    def _from_releases(self) -> list[InboxItem]:
        actor = self.deck.actor.name
        found = []
        for one in self._releases.list():
            title = f"{one['version']} to {one['environment']}"
            is_mine = one["requested_by"] == actor
            if one["can_approve"]:
                found.append(_item("approve", one, title=title, detail=_state_of(one)))
            elif is_mine and one["status"] == "changes-requested":
                found.append(_item("changes", one, title=title, detail="changes were asked for"))
            elif is_mine and one["status"] == "blocked":
                if self._is_recent(one["requested_at"]):
                    found.append(_item("blocked", one, title=title, detail=one["outdated_because"]))
            elif one["status"] == "approved" and one["is_open"]:
                detail = f"approved; {_start_of(one)}"
                found.append(_item("start", one, title=title, detail=detail))
            elif is_mine and one.get("is_ending"):
                lacks = ", ".join(one["missing"]) or "nothing"
                detail = f"{_ending(one)} · lacks {lacks}"
                found.append(_item("ending", one, title=title, detail=detail))
        return found

    def _from_endpoints(self) -> list[InboxItem]:
        found = []
        for one in self._deployments.list():
            found += self._to_see_to(one)
            if one["status"] == "failed":
                reasons = [s["reason"] for s in one["servers"] if s["outcome"] == "failed"]
                found.append(_of_endpoint("failed", one, detail=reasons[0] if reasons else ""))
            elif one["status"] == "silent" and self._may_roll_back(one):
                names = ", ".join(s["name"] for s in one["servers"] if not s.get("answers", True))
                found.append(_of_endpoint("silent", one, detail=f"no heartbeat of {names}"))
        return found

    def _from_threads(self) -> list[InboxItem]:
        """Return who mentioned the actor, and open threads that wait for them."""
        return [
            InboxItem(
                kind=one.kind,
                subject=one.entity,
                title=one.title,
                detail=(f"holds up {one.blocks}: " if one.blocks else "") + one.text[:_SHOWN],
                since=one.at,
                urgency=_ORDER[one.kind],
            )
            for one in self._threads.waiting()
        ]

    def _to_see_to(self, one: EndpointDocument) -> list[InboxItem]:
        """Return broken glass that is to be reviewed, and a revoked version that is served."""
        found = []
        glass = one.get("glass")
        if glass is not None and not glass["reviewed_by"]:
            actor, is_late = self.deck.actor.name, glass["is_overdue"]
            if actor in glass["reviewers"] or (is_late and self._may_roll_back(one)):
                due = "review overdue since" if is_late else "to be reviewed until"
                when = f"{glass['review_by'][:16].replace('T', ' ')} UTC"
                detail = f"{glass['by']} broke the glass: {glass['reason']} · {due} {when}"
                found.append(_of_endpoint("glass", one, detail=detail))
        if "revoked" in one and self._may_roll_back(one):
            known = one["revoked"]
            detail = f"{one['version']} was revoked by {known['by']}: {known['reason']}"
            found.append(_of_endpoint("revoked", one, detail=detail))
        return found

    def _may_roll_back(self, endpoint: EndpointDocument) -> bool:
        """Say whether the actor may do something about an endpoint: an owner, or by a role."""
        member = self.deck.member
        with self.deck.reading() as state:
            known = state.policy.known(endpoint["environment"], model=endpoint["model"])
        roles = set(known.rollback_roles) if known is not None else set()
        return member is not None and (
            member.is_owner or not roles or bool(roles & set(member.roles))
        )

    def _from_runs(self) -> list[InboxItem]:
        actor = self.deck.actor.name
        found = []
        since = clock.to_text(self.deck.now() - RUNS_SINCE)
        for one in self._runs.list():
            if one["started_at"] < since:
                break
            bad = one["status"] in {"failed", "lost"} and not one["parent"]
            ended = one["ended_at"] or one["started_at"]
            if bad and one["user"] == actor and self._is_recent(ended):
                kind = "lost" if one["status"] == "lost" else "run"
                detail = one["error"].get("message", "") or "no heartbeat for a minute"
                found.append(
                    InboxItem(
                        kind=kind,
                        subject=f"run:{one['id']}",
                        title=f"{one['experiment']} {ids.short(one['id'])}",
                        detail=detail,
                        since=ended,
                        urgency=_ORDER[kind],
                    )
                )
        return found

    def _is_recent(self, at: str) -> bool:
        return at >= clock.to_text(self.deck.now() - RECENT)


def _of_endpoint(kind: str, endpoint: EndpointDocument, *, detail: str) -> InboxItem:
    heard = [one["heard_at"] for one in endpoint["servers"] if "heard_at" in one]
    return InboxItem(
        kind=kind,
        subject=f"endpoint:{endpoint['id']}",
        title=endpoint["id"],
        detail=detail,
        since=max(heard, default=endpoint["since"]) if kind == "silent" else endpoint["since"],
        urgency=_ORDER[kind],
    )


def _item(kind: str, release: ReleaseDocument, *, title: str, detail: str) -> InboxItem:
    return InboxItem(
        kind=kind,
        subject=f"release:{release['id']}",
        title=title,
        detail=detail,
        since=release["requested_at"],
        urgency=_ORDER[kind],
    )


def _state_of(release: ReleaseDocument) -> str:
    gate = release["gate"]
    checks = gate["checks"] if gate else []
    passed = sum(1 for one in checks if one["passed"])
    lacks = ", ".join(release["missing"]) or "complete"
    said = [f"gate {passed}/{len(checks)}", f"lacks {lacks}"]
    if release.get("overrides"):
        said.insert(1, "checks overridden")
    if release.get("is_ending"):
        said.append(_ending(release))
    return " · ".join(said)


def _start_of(release: ReleaseDocument) -> str:
    """Return what keeps an approved release from being started, or when it ends."""
    if release["missing"]:
        return f"it lacks {', '.join(release['missing'])} by now: ask for a new release"
    if "frozen" in release:
        return release["frozen"].rstrip(".")
    return "start it by hand" + (f" · {_ending(release)}" if release.get("is_ending") else "")


def _ending(release: ReleaseDocument) -> str:
    return f"ends {release['expires_at'][:16].replace('T', ' ')} UTC"
