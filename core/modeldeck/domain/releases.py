"""Releases: request, gate, votes, decision; the one table of legal moves.

A vote's body is a *statement*: it names request, manifest, gate report, policy, environment, what
is live now (``replaces`` and the endpoint's generation), the verdict, a reason, and its times. It
counts only if every one of these is what the release rests on at the vote's own position. The
verdict *abstain* takes an earlier vote back while the release is undecided.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck.domain import deployments, quorum
from modeldeck.domain.entry import canonical, digest_of
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import Act, Release, Report, State, Version, Vote
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError

VERDICTS = ("approve", "reject", "request-changes", "abstain")
NEEDS_REASON = ("reject", "request-changes")
OPEN = frozenset({"checking", "waiting", "changes-requested", "approved"})
MOVES: dict[str, frozenset[str]] = {
    "checking": frozenset({"blocked", "waiting", "withdrawn", "outdated"}),
    "blocked": frozenset({"withdrawn"}),
    "waiting": frozenset({"changes-requested", "rejected", "withdrawn", "outdated", "approved"}),
    "changes-requested": frozenset({"waiting", "rejected", "withdrawn", "outdated", "approved"}),
    "approved": frozenset({"deploying", "withdrawn", "outdated"}),
    "deploying": frozenset({"live", "failed", "replaced", "rolled-back"}),
    "live": frozenset({"replaced", "rolled-back"}),
    "replaced": frozenset({"live"}),
    "rolled-back": frozenset({"live"}),
    "failed": frozenset({"live"}),
    "rejected": frozenset(),
    "withdrawn": frozenset(),
    "outdated": frozenset(),
}
"""From each state of a release those it may move to; *expired* is computed, never stored."""


def move(state: State, release: Release, *, status: str, because: str = "") -> Release:
    """Move a release along the table.

    Raises
    ------
    ConflictError
        The table has no such move.
    """
    if status not in MOVES[release.status]:
        msg = f"{release.id} is {release.status} and cannot become {status}."
        raise ConflictError(msg, "Look at it again; ask for a new release if you need one.")
    moved = replace(release, status=status, because=because or release.because)
    state.put_release(moved)
    return moved


def excluded_of(version: Version, requester: str) -> dict[str, str]:
    """Return who may not vote on a release of a version, each with the reason."""
    return {
        requester: "asked for the release",
        version.by: "registered the version",
        **dict.fromkeys(version.authors, "made the version"),
    }


def check_request(state: State, act: Act) -> None:
    """Check a request: the version, what it replaces, the policy, and no other one open."""
    version = state.version(act.entity)
    environment = state.policy.environment(act.text("environment"))
    endpoint = state.endpoint(version.model, environment.name)
    if act.text("manifest") != version.manifest:
        msg = f"{version.id} has another manifest than the request names."
        raise InvalidInputError(msg)
    _same_base(state, act, model=version.model)
    if version.level < environment.level:
        msg = (
            f"{version.id} was registered at level {version.level.word}; "
            f"{environment.name} needs {environment.trust}."
        )
        raise NotPermittedError(msg, "Register that content again, signed with your key.")
    if endpoint.pointer.version == version.id:
        msg = f"{version.id} is what {endpoint.id} serves already."
        raise ConflictError(msg)
    for other in state.releases.values():
        same = other.version == version.id and other.environment == environment.name
        if same and other.status in OPEN and act.text("issued") <= other.expires:
            msg = f"{other.id} asks for the same and is {other.status}."
            raise ConflictError(msg, "Decide or withdraw that one first.", release=other.id)
    _promoted(state, environment, version=version)
    _in_order(act, "")


def _promoted(state: State, environment: Environment, *, version: Version) -> None:
    source = environment.promotes_from
    if not source:
        return
    earlier = state.endpoint(version.model, source)
    if not any(one.manifest == version.manifest for one in earlier.lived):
        msg = f"{version.id} was not live on {source} yet, from which {environment.name} promotes."
        raise NotPermittedError(msg, f"Release it to {source} first.")


def _same_base(state: State, act: Act, *, model: str) -> None:
    environment = act.text("environment")
    endpoint = state.endpoint(model, environment)
    if act.text("policy") != state.policy_digest:
        msg = "The policy changed since you looked."
        raise ConflictError(msg, "Look at the release again.")
    if (act.text("replaces"), act.number("generation")) != (endpoint.base, endpoint.generation):
        msg = f"What {endpoint.id} serves changed since you looked."
        raise ConflictError(msg, "Look at it again.")


def _in_order(act: Act, last: str) -> None:
    issued, expires = act.text("issued"), act.text("expires")
    if issued < last:
        msg = "It is dated before an earlier statement about the same release."
        raise ConflictError(msg, "Check this computer's clock.")
    if expires <= issued:
        msg = "It expires before it was issued."
        raise InvalidInputError(msg)


def apply_request(state: State, act: Act) -> str:
    """Open a release; it rests on the newest counting gate report, or waits for one."""
    version = state.versions[act.entity]
    endpoint = state.endpoint(version.model, act.text("environment"))
    number = state.n_releases.get(version.model, 0) + 1
    state.n_releases[version.model] = number
    environment = state.policy.environments[endpoint.environment]
    release = Release(
        id=f"{version.model}-{number}",
        model=version.model,
        version=version.id,
        environment=endpoint.environment,
        status="checking",
        manifest=version.manifest,
        replaces=endpoint.base,
        replaces_version=endpoint.base_version,
        generation=endpoint.generation,
        policy=state.policy_digest,
        request=act.digest,
        by=act.by,
        at=act.at,
        reason=act.text("reason"),
        issued=act.text("issued"),
        expires=act.text("expires"),
        last_issued=act.text("issued"),
        excluded={} if environment.self_approval else excluded_of(version, act.by),
    )
    state.put_release(release)
    known = state.reports.get((release.manifest, release.environment), [])
    for report in reversed(known):
        if _rests_on(state, release, report=report):
            _settle(state, release, report=report, at=act.at, by=act.by)
            break
    return f"release:{release.id}"


def check_report(state: State, act: Act) -> None:
    """Check a gate report: its version, base, policy, and its author's role."""
    version = state.version(act.entity)
    environment = state.policy.environment(act.text("environment"))
    if act.text("manifest") != version.manifest:
        msg = f"{version.id} has another manifest than the report names."
        raise InvalidInputError(msg)
    _same_base(state, act, model=version.model)
    _need_role(state, act.by, roles=environment.gate_roles, what="make gate reports there")


def apply_report(state: State, act: Act) -> str:
    """Keep a gate report; settle releases that wait for one, outdate those that it contradicts."""
    version = state.versions[act.entity]
    report = Report(
        n=act.n,
        by=act.by,
        at=act.at,
        environment=act.text("environment"),
        manifest=version.manifest,
        report=act.text("report"),
        passed=bool(act.body["passed"]),
        replaces=act.text("replaces"),
        generation=act.number("generation"),
        policy=act.text("policy"),
        level=act.level,
    )
    state.reports.setdefault((report.manifest, report.environment), []).append(report)
    state.touched.add(("versions", version.id))
    for release in list(state.releases.values()):
        if release.version != version.id or not _rests_on(state, release, report=report):
            continue
        if release.status == "checking":
            _settle(state, release, report=report, at=act.at, by=act.by)
        elif release.status in OPEN and not report.passed:
            move(state, release, status="outdated", because="a later gate report does not pass")
    return f"version:{version.id}"


def _rests_on(state: State, release: Release, *, report: Report) -> bool:
    environment = state.policy.environments.get(release.environment)
    if environment is None or report.level < environment.level:
        return False
    if environment.gate_roles and report.by in release.excluded:
        return False
    return (
        report.manifest == release.manifest
        and report.environment == release.environment
        and report.replaces == release.replaces
        and report.generation == release.generation
        and report.policy == release.policy
    )


def _settle(state: State, release: Release, *, report: Report, at: str, by: str) -> None:
    based = replace(release, report=report.report)
    if report.passed:
        waiting = move(state, based, status="waiting")
        _decide(state, waiting, at=at, by=by, issued=release.issued)
    else:
        move(state, based, status="blocked", because="its gate report does not pass")


def basis_of(release: Release) -> str:
    """Digest of what a vote on a release binds to; it changes when any part of that does."""
    return digest_of(
        canonical(
            {
                "request": release.request,
                "manifest": release.manifest,
                "report": release.report,
                "policy": release.policy,
                "environment": release.environment,
                "replaces": release.replaces,
                "generation": release.generation,
            }
        )
    )


def check_vote(state: State, act: Act) -> None:
    """Check a vote: an open release, the right person, and a statement about just this release."""
    release = state.release(act.entity)
    if release.status not in {"waiting", "changes-requested"}:
        because = f": {release.because}" if release.because else ""
        msg = f"{release.id} is {release.status}{because}; it takes no votes."
        raise ConflictError(msg, "`modeldeck release list` shows what waits.")
    may_vote(state, release, person=act.by)
    _same_statement(act, release)
    verdict = act.text("verdict")
    if verdict not in VERDICTS:
        msg = f"{verdict[:40]!r} is no verdict."
        raise InvalidInputError(msg, f"Use {', '.join(VERDICTS)}.")
    if verdict in NEEDS_REASON and not act.text("reason").strip():
        msg = f"To {verdict.replace('-', ' ')} you have to say why."
        raise InvalidInputError(msg, "Give a reason.")
    _in_order(act, release.last_issued)
    if act.text("issued") > release.expires:
        msg = f"{release.id} expired at {release.expires}."
        raise ConflictError(msg, "Ask for a new release.")
    mine = [vote for vote in release.votes if vote.by == act.by]
    if mine and mine[-1].verdict == verdict:
        msg = f"{act.by} voted {verdict} on {release.id} already."
        raise ConflictError(msg, "A vote can be changed, not repeated.")
    if verdict == "abstain" and not mine:
        msg = f"{act.by} has not voted on {release.id}: there is nothing to take back."
        raise ConflictError(msg)
    if any(vote.nonce == act.text("nonce") for vote in release.votes):
        msg = "That statement was used already."
        raise ConflictError(msg)


def may_vote(state: State, release: Release, *, person: str) -> None:
    """Refuse people who may not vote on a release.

    Raises
    ------
    NotPermittedError
        The person is no member, no person, or excluded; the message says which.
    """
    member = state.member(person)
    if member is None or member.kind != "person":
        what = "a member of this workspace" if member is None else "a person"
        msg = f"{person[:80]} is not {what}."
        raise NotPermittedError(msg, "An owner can add members: `modeldeck member add`.")
    if person in release.excluded:
        msg = f"{person} {release.excluded[person]} and may not vote on {release.id}."
        others = ", ".join(eligible(state, release)) or "nobody else"
        raise NotPermittedError(msg, f"Who can: {others}.")


def eligible(state: State, release: Release) -> list[str]:
    """Return the people who may still approve a release: not excluded, and did not yet."""
    approved = {person for person, vote in standing(release).items() if vote.verdict == "approve"}
    return [
        one.name
        for one in state.members.values()
        if one.is_active
        and one.kind == "person"
        and one.name not in release.excluded
        and one.name not in approved
    ]


def _same_statement(act: Act, release: Release) -> None:
    expected = {
        "request": release.request,
        "manifest": release.manifest,
        "report": release.report,
        "policy": release.policy,
        "environment": release.environment,
        "replaces": release.replaces,
        "generation": release.generation,
    }
    for name, value in expected.items():
        if act.body[name] != value:
            msg = f"The vote is about another {name} than {release.id} rests on."
            raise ConflictError(msg, "Look at the release again, then vote.")


def apply_vote(state: State, act: Act) -> str:
    """Count a vote and, where it decides, move the release and with it the pointer."""
    release = state.releases[act.entity]
    vote = Vote(
        n=act.n,
        by=act.by,
        verdict=act.text("verdict"),
        reason=act.text("reason"),
        issued=act.text("issued"),
        expires=act.text("expires"),
        nonce=act.text("nonce"),
        level=act.level,
    )
    voted = replace(release, votes=(*release.votes, vote), last_issued=vote.issued)
    state.put_release(voted)
    _decide(state, voted, at=act.at, by=act.by, issued=vote.issued)
    return f"release:{release.id}"


def standing(release: Release) -> dict[str, Vote]:
    """Return the last vote of each person."""
    return {vote.by: vote for vote in release.votes}


def approvers(state: State, release: Release, *, issued: str) -> dict[str, tuple[str, ...]]:
    """Return the people whose approvals hold at a time, with their roles."""
    found = {}
    for person, vote in standing(release).items():
        member = state.member(person)
        if member and vote.verdict == "approve" and vote.expires >= issued:
            found[person] = member.roles
    return found


def lacks(state: State, release: Release, *, issued: str) -> list[str]:
    """Return what a release still lacks, as short texts."""
    environment = state.policy.environments[release.environment]
    return quorum.missing(environment, approvers(state, release, issued=issued))


def _decide(state: State, release: Release, *, at: str, by: str, issued: str) -> None:
    environment = state.policy.environments[release.environment]
    verdicts = {vote.verdict for vote in standing(release).values()}
    decided = replace(release, decided_at=at, decided_by=by)
    if "reject" in verdicts and environment.reject_blocks:
        reasons = [vote for vote in standing(release).values() if vote.verdict == "reject"]
        move(state, decided, status="rejected", because=f"{reasons[0].by}: {reasons[0].reason}")
    elif "request-changes" in verdicts:
        if release.status != "changes-requested":
            move(state, release, status="changes-requested")
    elif not lacks(state, release, issued=issued):
        approved = move(state, decided, status="approved")
        if environment.deploy == "on-approval":
            start(state, approved, at=at)
    elif release.status == "changes-requested":
        move(state, release, status="waiting")


def start(state: State, release: Release, *, at: str) -> None:
    """Move the endpoint's pointer to a release's version; others for the endpoint are outdated."""
    deploying = move(state, release, status="deploying")
    deployments.point(state, deploying, at=at)
    outdate(state, endpoint=release.endpoint, because=f"{release.id} was deployed meanwhile")


def outdate(state: State, *, because: str, endpoint: str = "") -> None:
    """Make open releases outdated: those of one endpoint, or all."""
    for other in list(state.releases.values()):
        if other.status in OPEN and endpoint in {"", other.endpoint}:
            move(state, other, status="outdated", because=because)


def check_withdraw(state: State, act: Act) -> None:
    """Check a withdrawal: by the requester or an owner, of a release that is still open."""
    release = state.release(act.entity)
    member = state.member(act.by)
    if act.by != release.by and not (member and member.is_owner):
        msg = f"Only {release.by} or an owner can withdraw {release.id}."
        raise NotPermittedError(msg, "To stop it, reject it.")
    if "withdrawn" not in MOVES[release.status]:
        msg = f"{release.id} is {release.status}; it cannot be withdrawn any more."
        raise ConflictError(msg)


def apply_withdraw(state: State, act: Act) -> str:
    """Withdraw a release."""
    release = state.releases[act.entity]
    move(state, release, status="withdrawn", because=act.text("reason"))
    return f"release:{release.id}"


def check_start(state: State, act: Act) -> None:
    """Check a start by hand: approved, votes that still hold, the role, the same base."""
    release = state.release(act.entity)
    if release.status != "approved":
        msg = f"{release.id} is {release.status}, not approved."
        raise ConflictError(msg, "`modeldeck release show` says what it lacks.")
    environment = state.policy.environments[release.environment]
    _need_role(state, act.by, roles=environment.deploy_roles, what=f"deploy to {environment.name}")
    endpoint = state.endpoint(release.model, release.environment)
    if act.number("generation") != endpoint.generation:
        msg = f"What {endpoint.id} serves changed since you looked."
        raise ConflictError(msg, "Look at it again.")
    left = lacks(state, release, issued=act.text("issued"))
    if left:
        msg = f"{release.id} lacks {', '.join(left)} now: approvals expired or were revoked."
        raise NotPermittedError(msg, "Ask for a new release.")


def apply_start(state: State, act: Act) -> str:
    """Start an approved release by hand."""
    start(state, state.releases[act.entity], at=act.at)
    return f"release:{act.entity}"


def _need_role(state: State, person: str, *, roles: tuple[str, ...], what: str) -> None:
    deployments.need_role(state, person, roles=roles, what=what)
