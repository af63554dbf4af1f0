"""The inbox: what waits for somebody, what they wait for themselves, and what ends soon.

Each thing is in it once, as what matters most about it: a release that waits for the actor's vote
is not told again as one that ends. The first pages of screen and command line show the same items.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modeldeck import clock, ids
from modeldeck.domain import quorum
from modeldeck.domain.documents import EndpointDocument, InboxItem, ReleaseDocument
from modeldeck.domain.reading.reviews import InboxDocument, ProposalDocument
from modeldeck.services.base.deck import Deck
from modeldeck.services.deployments import Deployments
from modeldeck.services.governing.proposals import Proposals
from modeldeck.services.history.notices import notices
from modeldeck.services.releases import Releases
from modeldeck.services.runs import Runs
from modeldeck.services.talking.threads import Threads

RECENT = timedelta(hours=24)
RUNS_SINCE = timedelta(days=30)
"""Runs that began earlier are not looked at, whenever they ended."""
_SHOWN = 200
URGENCY = {
    "history": -1,
    "failed": 0,
    "silent": 0,
    "revoked": 0,
    "glass": 0,
    "approve": 1,
    "start": 1,
    "report": 1,
    "support": 1,
    "changes": 2,
    "mention": 2,
    "thread": 2,
    "blocked": 3,
    "lost": 4,
    "run": 5,
    "ending": 6,
    "asked": 7,
    "proposed": 7,
}
"""The kinds of items, and how urgent they are: the least number first."""
MINE = {"asked", "proposed"}
"""What the actor waits for, and can do nothing about now."""
EXPIRING = {"ending"}
"""What ends soon unless somebody acts."""


_NEXT = {
    "history": "ledger verify",
    "approve": "release review {name}",
    "start": "deploy start {name}",
    "report": "gate run {what}",
    "support": "member support {short}",
    "proposed": "member withdraw {short}",
    "asked": "release who {name}",
    "ending": "release who {name}",
    "changes": "release show {name}",
    "blocked": "release show {name}",
    "mention": "thread reply {short} TEXT",
    "thread": "thread show {short}",
    "glass": "deploy review {name} --reason TEXT",
    "revoked": "deploy rollback {name} --reason TEXT",
    "failed": "logs {subject}",
    "silent": "logs {subject}",
    "run": "logs {run}",
    "lost": "logs {run}",
}
"""The command that goes on from an item, by its kind."""
_SHORT = 8


class Inbox:
    """What concerns the actor."""

    def __init__(
        self,
        deck: Deck,
        *,
        runs: Runs,
        releases: Releases,
        deployments: Deployments,
        threads: Threads,
        proposals: Proposals,
    ) -> None:
        self.deck = deck
        self._runs = runs
        self._releases = releases
        self._deployments = deployments
        self._threads = threads
        self._proposals = proposals

    def read(self, *, has_runs: bool = True) -> InboxDocument:
        """Return everything that concerns the actor, in three lists.

        Parameters
        ----------
        has_runs : bool
            Whether failed runs of the actor count, which costs reading all runs the first time.
        """
        found = self.items(has_runs=has_runs)
        apart = MINE | EXPIRING
        mine = [one for one in found if one["kind"] in MINE]
        return InboxDocument(
            waiting=[one for one in found if one["kind"] not in apart],
            mine=sorted(mine, key=lambda one: one["since"], reverse=True),
            expiring=[one for one in found if one["kind"] in EXPIRING],
        )

    def items(self, *, has_runs: bool = True) -> Sequence[InboxItem]:
        """Return everything that concerns the actor, the most urgent first; see :meth:`read`."""
        found = [
            *self._from_history(),
            *self._from_owners(),
            *self._from_releases(),
            *self._from_endpoints(),
            *self._from_threads(),
            *(self._from_runs() if has_runs else ()),
        ]
        for one in found:
            one["next"] = _next(one)
        return sorted(found, key=lambda one: (one["urgency"], one["since"]))

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
                urgency=URGENCY["history"],
            )
            for one in notices(self.deck)
        ]

    def _from_owners(self) -> list[InboxItem]:
        """Return what other owners proposed and the actor can support, and what they proposed."""
        actor = self.deck.actor.name
        found = []
        for one in self._proposals.list():
            if one["can_support"]:
                found.append(_of_proposal("support", one, detail=_to_support(one)))
            elif one["by"] == actor:
                found.append(_of_proposal("proposed", one, detail=_supported(one)))
        return found

    def _from_releases(self) -> list[InboxItem]:
        found = (self._of_release(one) for one in self._releases.list())
        return [one for one in found if one is not None]

    def _of_release(self, one: ReleaseDocument) -> InboxItem | None:
        """Return what matters most about a release to the actor."""
        if one["can_approve"]:
            return _item("approve", one, detail=_state_of(one))
        if one["status"] == "approved" and one["is_open"]:
            return _item("start", one, detail=f"approved; {_start_of(one)}")
        if one["status"] == "checking" and self._has_to_report(one):
            return _item("report", one, detail=f"it waits for {one['missing'][0]}: yours counts")
        return self._of_own(one) if one["requested_by"] == self.deck.actor.name else None

    def _has_to_report(self, one: ReleaseDocument) -> bool:
        """Say whether gate reports there are the duty of a role, and the actor's would count."""
        with self.deck.reading() as state:
            release = state.releases[one["id"]]
            known = state.policy.known(release.environment, model=release.model)
            if known is None or not known.gate_roles:
                return False
            names = quorum.reporters(state, known, excluded=release.excluded)
        return self.deck.actor.name in names

    def _of_own(self, one: ReleaseDocument) -> InboxItem | None:
        if one["status"] == "changes-requested":
            end = f" · {_ending(one)}" if one.get("is_ending") else ""
            return _item("changes", one, detail=f"changes were asked for{end}")
        if one["status"] == "blocked":
            is_new = self._is_recent(one["requested_at"])
            return _item("blocked", one, detail=one["outdated_because"]) if is_new else None
        if not one["is_open"]:
            return None
        if one.get("is_ending"):
            lacks = ", ".join(one["missing"]) or "nothing"
            return _item("ending", one, detail=f"{_ending(one)} · lacks {lacks}")
        return _item("asked", one, detail=_open_of(one))

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
                subject=f"thread:{one.thread}",
                title=one.title,
                detail=(f"holds up {one.blocks}: " if one.blocks else "") + one.text[:_SHOWN],
                since=one.at,
                urgency=URGENCY[one.kind],
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
                        urgency=URGENCY[kind],
                    )
                )
        return found

    def _is_recent(self, at: str) -> bool:
        return at >= clock.to_text(self.deck.now() - RECENT)


def _next(item: InboxItem) -> str:
    """Return the command that goes on from an item."""
    name = item["subject"].partition(":")[2]
    words = {"name": name, "short": name[:_SHORT], "run": ids.short(name)}
    words["what"] = item["title"].replace(" to ", " --environment ")  # of releases alone
    return f"modeldeck {_NEXT[item['kind']].format(subject=item['subject'], **words)}"


def _of_endpoint(kind: str, endpoint: EndpointDocument, *, detail: str) -> InboxItem:
    heard = [one["heard_at"] for one in endpoint["servers"] if "heard_at" in one]
    return InboxItem(
        kind=kind,
        subject=f"endpoint:{endpoint['id']}",
        title=endpoint["id"],
        detail=detail,
        since=max(heard, default=endpoint["since"]) if kind == "silent" else endpoint["since"],
        urgency=URGENCY[kind],
    )


def _item(kind: str, release: ReleaseDocument, *, detail: str) -> InboxItem:
    return InboxItem(
        kind=kind,
        subject=f"release:{release['id']}",
        title=f"{release['version']} to {release['environment']}",
        detail=detail,
        since=release["requested_at"],
        urgency=URGENCY[kind],
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


def _open_of(release: ReleaseDocument) -> str:
    """Return what the person's own release waits for, and until when."""
    lacks = f"lacks {', '.join(release['missing'])}" if release["missing"] else ""
    said = ": ".join(one for one in (release["status"].replace("-", " "), lacks) if one)
    return f"{said} · {_ending(release)}" if release["expires_at"] else said


def _start_of(release: ReleaseDocument) -> str:
    """Return what keeps an approved release from being started, or when it ends."""
    if release["missing"]:
        return f"it lacks {', '.join(release['missing'])} by now: ask for a new release"
    if "frozen" in release:
        return release["frozen"].rstrip(".")
    return "start it by hand" + (f" · {_ending(release)}" if release.get("is_ending") else "")


def _ending(release: ReleaseDocument) -> str:
    return f"ends {release['expires_at'][:16].replace('T', ' ')} UTC"


def _of_proposal(kind: str, proposal: ProposalDocument, *, detail: str) -> InboxItem:
    return InboxItem(
        kind=kind,
        subject=f"proposal:{proposal['id']}",
        title=proposal["text"],
        detail=detail,
        since=proposal["at"],
        urgency=URGENCY[kind],
    )


def _count(proposal: ProposalDocument) -> str:
    return f"{proposal['needed'] - proposal['lacks']} of {proposal['needed']} owners"


def _to_support(proposal: ProposalDocument) -> str:
    return f"{proposal['by']} proposes it; {_count(proposal)}"


def _supported(proposal: ProposalDocument) -> str:
    if proposal["problem"]:
        return f"nobody can support it: {proposal['problem']}"
    return f"waits for {', '.join(proposal['waits_for']) or 'nobody'}; {_count(proposal)}"
