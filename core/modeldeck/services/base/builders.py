"""Turning the folded state into documents; what depends on now or on who asks is added last."""

from __future__ import annotations

from modeldeck.domain import deployments, quorum, releases
from modeldeck.domain.documents import (
    AnnotationDocument,
    CheckDocument,
    EndpointDocument,
    GateDocument,
    IntervalDocument,
    MemberDocument,
    ModelDocument,
    ReleaseDocument,
    VersionDocument,
    VoteDocument,
)
from modeldeck.domain.entry import is_digest
from modeldeck.domain.exceptional import showing
from modeldeck.domain.history.things import Annotation
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policies import timing
from modeldeck.domain.state import OPEN, Endpoint, Release, State, Version
from modeldeck.domain.talking import threads
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.store.objects import ObjectStore

REDACTED = "(its text is missing, or was removed later)"


def version_document(state: State, objects: ObjectStore, *, version: Version) -> VersionDocument:
    """Return a version with what its manifest says."""
    problem = ""
    try:
        known = manifests.predicate(manifests.read(objects, version.manifest))
    except ModelDeckError as error:
        known, problem = manifests.predicate({}), error.message
    document = VersionDocument(
        id=version.id,
        model=version.model,
        version=version.number,
        manifest=version.manifest,
        run=version.run,
        registered_by=version.by,
        registered_at=version.at,
        authors=list(version.authors),
        level=version.level.word,
        parameters=_table(_table(known["pipeline"]).get("parameters")),
        metrics=manifests.metrics(known["metrics"]),
        size_bytes=sum(manifests.sizes(known["sizes_bytes"]).values()),
        environments=version_environments(state, version),
        tags=dict(state.tags.get(f"version:{version.id}", {})),
    )
    data = _table(known["dataset"]).get("sha256")
    if is_digest(data):
        document["data"] = str(data)
    if problem:
        document["problem"] = problem
    revoked = state.revoked.get(version.manifest)
    if revoked is not None:
        document["revoked"] = showing.revocation(revoked)
    return document


def _table(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def version_environments(state: State, version: Version) -> dict[str, str]:
    """Return where a version is, or was last: the newest release's status for each environment."""
    return {
        one.environment: one.status for one in state.releases.values() if one.version == version.id
    }


def model_document(state: State, name: str) -> ModelDocument:
    """Return a model with where it is live."""
    known = state.models[name]
    first = state.versions[known[0]]
    return ModelDocument(
        name=name,
        versions=len(known),
        latest=known[-1],
        live={
            one.environment: one.pointer.version
            for one in state.endpoints.values()
            if one.model == name and one.pointer.version
        },
        owner=first.by,
        created_at=first.at,
    )


def gate_document(objects: ObjectStore, report: str, *, by: str, at: str) -> GateDocument | None:
    """Return a gate report, None when there is none; one that cannot be read is failed and says so.

    Whether a release's report counts as passed stands in the ledger, not here.
    """
    if not report:
        return None
    try:
        known = _table(manifests.read_json(objects.read(report)))
        checks = known.get("checks")
        if not isinstance(checks, list) or not isinstance(known.get("passed"), bool):
            raise DamageError(_NO_REPORT)
        found = [_check(one) for one in checks]
        version, environment = _text(known, "version"), _text(known, "environment")
    except (ModelDeckError, ValueError) as error:
        problem = error.message if isinstance(error, ModelDeckError) else _NO_REPORT
        found = [{**_UNREADABLE, "reason": problem}]
        version, environment, known = "", "", {}
    return GateDocument(
        passed=known.get("passed") is True,
        version=version,
        environment=environment,
        checks=found,
        report=report,
        made_by=by,
        at=at,
    )


_NO_REPORT = "Its object is not a gate report."
_UNREADABLE = CheckDocument(
    name="the report can be read",
    kind="",
    metric="",
    required=True,
    passed=False,
    value=None,
    threshold=None,
    margin=None,
    reason="",
)


def _check(value: object) -> CheckDocument:
    known = _table(value)
    if not all(isinstance(known.get(name), bool) for name in ("required", "passed")):
        raise DamageError(_NO_REPORT)
    found = CheckDocument(
        name=_text(known, "name"),
        kind=_text(known, "kind"),
        metric=_text(known, "metric"),
        required=known["required"] is True,
        passed=known["passed"] is True,
        value=manifests.number(known.get("value")),
        threshold=manifests.number(known.get("threshold")),
        margin=manifests.number(known.get("margin")),
        reason=_text(known, "reason"),
    )
    interval = _interval(_table(known.get("interval")))
    if interval is not None:
        found["interval"] = interval
    return found


def _interval(known: dict[str, object]) -> IntervalDocument | None:
    """Return the interval of a check; None when there is none, or it is not as it should be."""
    numbers = [manifests.number(known.get(one)) for one in ("live", "difference", "low", "high")]
    n_rows = known.get("n_rows")
    if any(one is None for one in numbers) or type(n_rows) is not int:
        return None
    live, difference, low, high = (one or 0 for one in numbers)
    return IntervalDocument(live=live, difference=difference, low=low, high=high, n_rows=n_rows)


def _text(known: dict[str, object], name: str) -> str:
    value = known.get(name)
    if not isinstance(value, str):
        raise DamageError(_NO_REPORT)
    return value


def release_document(state: State, objects: ObjectStore, *, release: Release) -> ReleaseDocument:
    """Return a release as it stands in the ledger; :func:`with_now` adds what depends on now."""
    made = [
        one
        for one in state.reports.get((release.manifest, release.environment), [])
        if one.report == release.report
    ]
    by, at = (made[0].by, made[0].at) if made else ("", "")
    environment = state.policy.known(release.environment, model=release.model)
    document = ReleaseDocument(
        id=release.id,
        model=release.model,
        version=release.version,
        environment=release.environment,
        status=release.status,
        is_open=release.status in OPEN,
        requested_by=release.by,
        requested_at=release.at,
        expires_at=release.expires,
        reason=release.reason,
        manifest=release.manifest,
        replaces=release.replaces,
        replaces_version=release.replaces_version,
        generation=release.generation,
        policy=release.policy,
        basis=releases.basis_of(release),
        gate=gate_document(objects, release.report, by=by, at=at),
        approvals=[],
        required={
            "approvals": environment.approvals if environment else 0,
            "roles": dict(environment.roles) if environment else {},
        },
        missing=[],
        excluded=[{"by": name, "why": why} for name, why in release.excluded.items()],
        eligible=[],
        decided_at=release.decided_at,
        decided_by=release.decided_by,
        outdated_because=release.because,
        trust=environment.trust if environment else "",
        can_approve=False,
        can_reject=False,
        why_not="",
        completes_quorum=False,
    )
    if release.overrides:
        document["overrides"] = showing.overrides(state, release)
    return document


def with_now(
    document: ReleaseDocument, state: State, *, actor: str, now: str, level: Level
) -> ReleaseDocument:
    """Add to a release's document what depends on the time and on who looks."""
    release = state.releases[document["id"]]
    known = ReleaseDocument(**document)
    timed = timing.status(state, release, now=now)
    showing.add_timing(known, timed)
    if release.overrides:
        known["overrides"] = showing.overrides(state, release)
    known["approvals"] = [
        _vote(state, release, index=n, now=now) for n in range(len(release.votes))
    ]
    known["eligible"] = quorum.eligible(state, release)
    if release.environment not in state.policy.environments:
        known["why_not"] = f"the policy has no environment {release.environment} any more"
        return known
    environment = state.policy.environment(release.environment, model=release.model)
    known["deploy"], known["reject_blocks"] = environment.deploy, environment.reject_blocks
    if known["is_open"]:
        known["missing"] = releases.lacks(state, release, issued=now)
    problem = _why_not(state, release, actor=actor, status=known["status"], level=level)
    mine = quorum.holding(state, release).get(actor)
    approved = mine is not None and mine.verdict == "approve"
    rejected = mine is not None and mine.verdict == "reject"
    known["can_approve"] = not problem and not approved
    known["can_reject"] = not problem and not rejected
    known["why_not"] = problem or ("you approved it already" if approved else "")
    if known["can_approve"]:
        known["completes_quorum"] = completes(state, release, actor=actor, now=now)
        frozen = (
            showing.frozen_vote(state, release, timed=timed) if known["completes_quorum"] else ""
        )
        if frozen:
            known["can_approve"], known["why_not"] = False, frozen
    return known


def completes(state: State, release: Release, *, actor: str, now: str) -> bool:
    """Say whether an approval of somebody's would decide a release."""
    voters = quorum.approvers(state, release, issued=now)
    voters[actor] = quorum.roles_on(state, release, person=actor)
    others = [vote.verdict for person, vote in quorum.standing(release).items() if person != actor]
    environment = state.policy.environment(release.environment, model=release.model)
    left = [
        *quorum.missing(environment, voters),
        *quorum.fallen(state, release),
        *threads.lacks(state, release),
    ]
    return not left and set(others) <= {"approve", "abstain"}


def _why_not(state: State, release: Release, *, actor: str, status: str, level: Level) -> str:
    if status not in {"waiting", "changes-requested"}:
        because = f" ({release.because})" if release.because else ""
        if status == "checking":
            because = f": it lacks {releases.lacks(state, release, issued=release.issued)[0]}"
        return f"it is {status}{because}"
    try:
        quorum.may_vote(state, release, person=actor, level=level)
    except ModelDeckError as error:
        return error.message.rstrip(".")
    needed = state.policy.environment(release.environment, model=release.model).level
    if level < needed:
        return f"votes there need the level {needed.word}, yours would be {level.word}"
    return ""


def _vote(state: State, release: Release, *, index: int, now: str) -> VoteDocument:
    vote = release.votes[index]
    why_not, lapsed = "", quorum.lapsed_because(state, vote)
    if quorum.standing(release)[vote.by].nonce != vote.nonce:
        why_not = "changed by a later vote"
    elif vote.verdict == "abstain":
        why_not = "it takes the vote before back"
    elif lapsed:
        why_not = lapsed
    elif release.status in OPEN and vote.expires < now:
        why_not = "it expired"
    elif release.status == "outdated":
        why_not = f"the release is outdated: {release.because}"
    return VoteDocument(
        by=vote.by,
        verdict=vote.verdict,
        reason=vote.reason,
        at=vote.issued,
        level=vote.level.word,
        counts=not why_not,
        why_not=why_not,
    )


def endpoint_document(state: State, endpoint: Endpoint) -> EndpointDocument:
    """Return an endpoint with its servers' last words and what it can go back to."""
    document = EndpointDocument(
        id=endpoint.id,
        model=endpoint.model,
        environment=endpoint.environment,
        version=endpoint.pointer.version,
        manifest=endpoint.pointer.manifest,
        generation=endpoint.generation,
        status=endpoint_status(endpoint),
        release=endpoint.pointer.release,
        since=endpoint.since,
        servers=[
            {
                "name": name,
                "outcome": report.outcome,
                "generation": report.generation,
                "at": report.at,
                "reason": report.reason,
            }
            for name, report in endpoint.servers.items()
        ],
        rollback_to=[one.version for one in deployments.targets(state, endpoint)],
    )
    if endpoint.glass is not None:
        document["glass"] = showing.glass(state, endpoint, known=endpoint.glass)
    revoked = state.revoked.get(endpoint.pointer.manifest)
    if revoked is not None:
        document["revoked"] = showing.revocation(revoked)
    return document


def endpoint_status(endpoint: Endpoint) -> str:
    """Return live, deploying, failed or stopped."""
    if not endpoint.pointer.version:
        return "stopped"
    outcomes = {
        report.outcome
        for report in endpoint.servers.values()
        if report.generation == endpoint.generation
    }
    if "ready" in outcomes:
        return "live"
    return "failed" if outcomes else "deploying"


def annotation_document(objects: ObjectStore, known: Annotation) -> AnnotationDocument:
    """Return an annotation with its text, or with who removed that and why."""
    made = AnnotationDocument(
        id=known.id, subject=known.subject, by=known.by, at=known.at, text=redacted_text(known)
    )
    if known.thread:
        made["thread"] = known.thread
    if known.edited_at:
        made["edited_at"] = known.edited_at
    if known.redacted_by:
        made["redacted"] = True
        return made
    try:
        value = _table(manifests.read_json(objects.read(known.object))).get("text")
    except (ModelDeckError, ValueError):
        value = None
    made["text"] = value if isinstance(value, str) else REDACTED
    return made


def redacted_text(known: Annotation) -> str:
    """Return what stands in the place of a text that was removed."""
    return f"text removed by {known.redacted_by}: {known.redacted_because}"


def member_document(member: Member) -> MemberDocument:
    """Return a member."""
    return MemberDocument(
        name=member.name,
        kind=member.kind,
        uid=member.uid,
        roles=list(member.roles),
        environments=list(member.environments),
        keys=list(member.keys),
        is_owner=member.is_owner,
    )
