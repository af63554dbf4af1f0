"""Reviewing a release: everything that a vote rests on in one document, and voting as shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck.domain import quorum
from modeldeck.domain import releases as rules
from modeldeck.domain.documents import (
    GateDocument,
    IntervalDocument,
    ReleaseDocument,
    VersionDocument,
    VoteDocument,
)
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.metrics import goal_in
from modeldeck.domain.reading.reviews import (
    BaseDocument,
    DataSide,
    LiveDocument,
    MetricRow,
    MovedDocument,
    ReviewDocument,
    VoterDocument,
)
from modeldeck.domain.state import OPEN, Release, State, Vote
from modeldeck.errors import ConflictError, NotFoundError
from modeldeck.services.base import difference, manifests
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.deployments import Deployments
from modeldeck.services.governing import codes, drifting
from modeldeck.services.governing.statements import (
    Recorded,
    Statement,
    key_of_entry,
    prepare,
    record,
)
from modeldeck.services.models import Models
from modeldeck.services.releases import Releases
from modeldeck.services.traffic import Traffic

_NOBODY = Member("")


class Reviewing:
    """The reviews of one workspace's releases."""

    def __init__(
        self,
        deck: Deck,
        views: Views,
        *,
        releases: Releases,
        models: Models,
        deployments: Deployments,
        traffic: Traffic,
    ) -> None:
        self.deck = deck
        self.views = views
        self.releases = releases
        self.models = models
        self.deployments = deployments
        self.traffic = traffic

    def review(self, typed: str) -> ReviewDocument:
        """Return everything about one release, typed as ``churn-12``.

        Raises
        ------
        NotFoundError
            There is none.
        DamageError
            A manifest is missing or changed: there is nothing to review then.
        """
        release = self.releases.show(typed)
        objects = self.deck.objects
        new = manifests.predicate(manifests.read(objects, release["manifest"]))
        old: dict[str, object] = {}
        if release["replaces"] != "none":
            old = manifests.predicate(manifests.read(objects, release["replaces"]))
        after = self.models.version(release["version"])
        before = self._version(release["replaces_version"])
        ends, ends_at = self._ends(release)
        return ReviewDocument(
            release=release,
            base=self.base(release["id"]),
            moved=self.moved(release["id"]),
            metrics=metric_rows(old, new, gate=release["gate"]),
            differences=[one for one in difference.rows(old, new) if one["section"] != "metrics"],
            data_before=self._data(old, release["replaces_version"]),
            data_after=self._data(new, release["version"]),
            code=codes.compared(self.deck.root, self.deck.runs, before=before, after=after),
            card=self.models.card(release["version"]),
            live=self._live(release),
            voters=self._voters(release),
            ends=ends,
            ends_at=ends_at,
        )

    def _version(self, name: str) -> VersionDocument | None:
        try:
            return self.models.version(name) if name else None
        except NotFoundError:
            return None

    def base(self, release: str) -> BaseDocument:
        """Return what a vote on a release binds to."""
        with self.deck.reading() as state:
            return _base(state.release(release))

    def moved(self, release: str, seen: BaseDocument | None = None) -> list[MovedDocument]:
        """Return which parts of a release's base are others by now: report, policy, live version.

        Parameters
        ----------
        release : str
            Its id.
        seen : BaseDocument or None
            The base that somebody looked at; None takes that of the release.

        Returns
        -------
        list of MovedDocument
            Empty for a release that was decided: then the base moves on without it.
        """
        with self.deck.reading() as state:
            known = state.release(release)
            return _moved(state, known, seen=seen or _base(known))

    def _live(self, release: ReleaseDocument) -> LiveDocument:
        name = f"{release['model']}@{release['environment']}"
        found = [one for one in self.deployments.list() if one["id"] == name]
        return LiveDocument(
            endpoint=found[0] if found else None,
            traffic=self.traffic.last_minute(name),
            drift=drifting.newest(self.deck.root, name),
        )

    def _data(self, predicate: Mapping[str, object], version: str) -> DataSide:
        known = predicate.get("dataset")
        table = known if isinstance(known, dict) else {}
        columns = table.get("columns")
        digest = str(table.get("sha256", ""))
        named = [one["id"] for one in self.views.datasets() if digest and one["digest"] == digest]
        return DataSide(
            version=version,
            dataset=named[-1] if named else "",
            digest=digest,
            source=str(table.get("source", "")),
            rows=str(table.get("rows", "")),
            target=str(table.get("target", "")),
            columns=[
                f"{one.get('name')}: {one.get('type')}"
                for one in (columns if isinstance(columns, list) else ())
                if isinstance(one, dict)
            ],
        )

    def _ends(self, release: ReleaseDocument) -> tuple[str, str]:
        """Return what ends, and when: an open request, or the first vote of an approved release."""
        with self.deck.reading() as state:
            known = state.release(release["id"])
            if release["status"] in {"checking", "waiting", "changes-requested"}:
                return "request", known.expires
            if release["status"] == "approved":
                held = quorum.approving(state, known, issued=self.deck.now_text())
                ends = [one.expires for one in held.values()]
                return ("approval", min(ends)) if ends else ("", "")
        return "", ""

    # Who votes

    def _voters(self, release: ReleaseDocument) -> list[VoterDocument]:
        with self.deck.reading() as state:
            known = state.release(release["id"])
            wanted = _wanted(state, known, now=self.deck.now_text())
            members = {name: state.members.get(name, _NOBODY) for name in state.members}
            votes = list(zip(known.votes, release["approvals"], strict=False))
        voted = [self._voted(vote, shown) for vote, shown in votes]
        done = {vote.by for vote, shown in votes if shown["counts"]}
        able = [
            _able(members.get(name, _NOBODY), name, wanted=wanted)
            for name in release["eligible"]
            if release["is_open"] and name not in done
        ]
        barred = [_barred(one["by"], one["why"]) for one in release["excluded"]]
        return [*voted, *sorted(able, key=lambda one: not one["roles"]), *barred]

    def _voted(self, vote: Vote, shown: VoteDocument) -> VoterDocument:
        return VoterDocument(
            by=vote.by,
            verdict=vote.verdict,
            reason=vote.reason,
            at=vote.issued,
            until=vote.expires,
            level=vote.level.word,
            key=key_of_entry(self.deck, vote.n),
            counts=shown["counts"],
            may=False,
            why_not=shown["why_not"],
            roles=[],
        )

    # Deciding

    def statement(self, typed: str, verdict: str) -> Statement:
        """Return what a vote of the actor's would record, to be looked at and then cast.

        Parameters
        ----------
        typed : str
            The release, as ``churn-12``.
        verdict : str
            As :meth:`modeldeck.services.releases.Releases.vote` takes it, or ``withdraw`` for the
            release as a whole.

        Raises
        ------
        ModelDeckError
            There is no such release, the workspace is read-only, or this computer's clock is wrong.
        """
        release = self.releases.show(typed)
        subject = f"release:{release['id']}"
        needed = self._level(release["environment"], model=release["model"])
        if verdict == "withdraw":
            silent: dict[str, Json] = {"reason": ""}
            action = "release.withdraw"
            return prepare(self.deck, action, subject=subject, body=silent, needed=needed)
        body = self.releases.statement(release["id"], verdict)
        return prepare(self.deck, "release.vote", subject=subject, body=body, needed=needed)

    def cast(self, statement: Statement, reason: str = "", *, expect: str = "") -> Recorded:
        """Record a statement about a release exactly as it was shown.

        Parameters
        ----------
        statement : Statement
            Of :meth:`statement`.
        reason : str
            Why.
        expect : str
            The ``basis`` of the document that was looked at.

        Raises
        ------
        ConflictError
            The release rests on something else by now; the message says on what.
        ModelDeckError
            It was refused; nothing was written.
        """
        name = statement.intent.subject.partition(":")[2]
        with self.deck.reading() as state:
            release = state.release(name)
            moved = _moved(state, release, seen=_base(release))
            is_other = bool(expect) and expect != rules.basis_of(release)
        if statement.intent.action == "release.vote" and (moved or is_other):
            told = "; ".join(f"{one['name']}: {one['before']} → {one['after']}" for one in moved)
            msg = f"{name} changed since you looked{': ' if told else ''}{told}."
            raise ConflictError(msg, "Look at it again, then vote.")
        return record(self.deck, statement, reason=reason)

    def vote(self, typed: str, verdict: str, *, reason: str = "", expect: str = "") -> Recorded:
        """Vote at once; see :meth:`statement` and :meth:`cast`."""
        return self.cast(self.statement(typed, verdict), reason, expect=expect)

    def _level(self, environment: str, *, model: str) -> Level:
        with self.deck.reading() as state:
            known = state.policy.known(environment, model=model)
            return known.level if known is not None else state.policy.strictest


def metric_rows(
    before: Mapping[str, object], after: Mapping[str, object], *, gate: GateDocument | None
) -> list[MetricRow]:
    """Return every metric of two versions, from their manifests and the gate's paired comparisons.

    Parameters
    ----------
    before, after : Mapping
        What the manifests say; ``before`` is empty when nothing is live.
    gate : GateDocument or None
        The report; its checks of kind ``no-regression`` compared both on the same rows.
    """
    old, new = manifests.metrics(before.get("metrics")), manifests.metrics(after.get("metrics"))
    goals = {**_table(before.get("goals")), **_table(after.get("goals"))}
    paired = {
        one["metric"]: (one["value"], one["interval"])
        for one in (gate["checks"] if gate is not None else ())
        if "interval" in one
    }
    found = []
    for name in sorted({*old, *new, *paired}):
        goal = goal_in(name, goals)
        if name in paired:
            value, interval = paired[name]
            found.append(_paired(name, value, interval=interval))
        else:
            found.append(_own(name, goal, before=old.get(name), after=new.get(name)))
    return found


def _paired(name: str, value: float | str | None, *, interval: IntervalDocument) -> MetricRow:
    low, high = interval["low"], interval["high"]
    verdict = "unknown"
    if isinstance(low, int | float) and isinstance(high, int | float):
        verdict = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return MetricRow(
        name=name,
        goal="max",
        before=interval["live"],
        after=value,
        difference=interval["difference"],
        low=low,
        high=high,
        n_rows=interval["n_rows"],
        verdict=verdict,
    )


def _own(
    name: str, goal: str, *, before: float | str | None, after: float | str | None
) -> MetricRow:
    change, verdict = None, "unknown"
    if isinstance(before, int | float) and isinstance(after, int | float):
        change = after - before
        sign = -1 if goal == "min" else 1
        verdict = "same" if change == 0 else "better" if change * sign > 0 else "worse"
    return MetricRow(
        name=name,
        goal=goal,
        before=before,
        after=after,
        difference=change,
        low=None,
        high=None,
        n_rows=None,
        verdict=verdict,
    )


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _base(release: Release) -> BaseDocument:
    return BaseDocument(
        manifest=release.manifest,
        report=release.report,
        policy=release.policy,
        replaces=release.replaces,
        replaces_version=release.replaces_version,
        generation=release.generation,
    )


def _moved(state: State, release: Release, *, seen: BaseDocument) -> list[MovedDocument]:
    if release.status not in OPEN and release.status != "outdated":
        return []
    endpoint = state.endpoint(release.model, release.environment)
    version = state.versions.get(release.version)
    manifest = version.manifest if version is not None else ""
    found = [
        ("manifest", seen["manifest"][:12], manifest[:12]),
        ("policy", seen["policy"][:12], state.policy_digest[:12]),
    ]
    if seen["report"]:
        found.append(("gate report", seen["report"][:12], _newest_report(state, release)[:12]))
    if (seen["replaces"], seen["generation"]) != (endpoint.base, endpoint.generation):
        before = _served(seen["replaces_version"], seen["generation"])
        found.append(
            ("live version", before, _served(endpoint.pointer.version, endpoint.generation))
        )
    return [
        MovedDocument(name=name, before=before, after=after)
        for name, before, after in found
        if before != after
    ]


def _served(version: str, generation: int) -> str:
    return f"{version or 'nothing'} (generation {generation})"


def _newest_report(state: State, release: Release) -> str:
    """Return the newest report of those that are about just this base; else the release's own."""
    made: Sequence[str] = [
        one.report
        for one in state.reports.get((release.manifest, release.environment), [])
        if (one.replaces, one.generation, one.policy)
        == (release.replaces, release.generation, release.policy)
        and not one.passed
    ]
    return made[-1] if made else release.report


def _wanted(state: State, release: Release, *, now: str) -> Mapping[str, int]:
    environment = state.policy.known(release.environment, model=release.model)
    if environment is None or release.status not in OPEN:
        return {}
    return quorum.open_roles(environment, quorum.approvers(state, release, issued=now))


def _able(member: Member, name: str, *, wanted: Mapping[str, int]) -> VoterDocument:
    roles = [one for one in member.roles if one in wanted]
    return {**_barred(name, ""), "may": True, "roles": roles}


def _barred(name: str, why: str) -> VoterDocument:
    return VoterDocument(
        by=name,
        verdict="",
        reason="",
        at="",
        until="",
        level="",
        key="",
        counts=False,
        may=False,
        why_not=why,
        roles=[],
    )
