"""Releases: request, gate, votes, decision.

A vote's body is a *statement*: it names request, manifest, gate report, policy, environment, what
is live now (``replaces`` and the endpoint's generation), the verdict, a reason, and its times. It
counts only if every one of these is what the release rests on at the vote's own position. The
verdict *abstain* takes an earlier vote back while the release is undecided.

Of times only the signed ``issued`` and ``expires`` count, and no statement holds longer than the
policy allows, give or take :data:`LEEWAY`. Within a release time does not run backwards: a
statement that was signed before another and recorded after it, as when two people vote at once, is
taken as of the later time; one that is older than :data:`LEEWAY` is refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from modeldeck import clock
from modeldeck.domain import deployments, quorum
from modeldeck.domain.entry import Json, canonical, digest_of, is_digest, is_time
from modeldeck.domain.exceptional.revoking import need_unrevoked
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import MOVES, OPEN, Act, Release, Report, State, Version, Vote
from modeldeck.domain.talking import threads
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError

VERDICTS = ("approve", "reject", "request-changes", "abstain")
NEEDS_REASON = ("reject", "request-changes")
LEEWAY = timedelta(minutes=5)
"""How far clocks may differ."""


def check_request(state: State, act: Act) -> None:
    """Check a request: the version, what it replaces, the policy, and no other one open."""
    version = state.version(act.entity)
    environment = state.policy.environment(act.text("environment"), model=version.model)
    endpoint = state.endpoint(version.model, environment.name)
    if act.text("manifest") != version.manifest:
        msg = f"{version.id} has another manifest than the request names."
        raise InvalidInputError(msg)
    need_unrevoked(state, version.manifest, what=version.id)
    same_base(state, act, model=version.model)
    _in_order(act, "", ttl_s=environment.request_ttl_s)
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


def _promoted(state: State, environment: Environment, *, version: Version) -> None:
    source = environment.promotes_from
    if not source:
        return
    earlier = state.endpoint(version.model, source)
    found = [one.level for one in earlier.lived if one.manifest == version.manifest]
    if not found:
        msg = f"{version.id} was not live on {source} yet, from which {environment.name} promotes."
        raise NotPermittedError(msg, f"Release it to {source} first.")
    if max(found) < environment.level:
        msg = (
            f"That {version.id} was live on {source} rests on the level {max(found).word}; "
            f"{environment.name} needs {environment.trust}."
        )
        hint = f"Release it to {source} again, with every entry {environment.trust}."
        raise NotPermittedError(msg, hint)


def same_base(state: State, act: Act, *, model: str) -> None:
    """Refuse what rests on another policy, or on something else than is live now.

    Raises
    ------
    ConflictError
        It does.
    """
    environment = act.text("environment")
    endpoint = state.endpoint(model, environment)
    if act.text("policy") != state.policy_digest:
        msg = "The policy changed since you looked."
        raise ConflictError(msg, "Look at the release again.")
    if (act.text("replaces"), act.number("generation")) != (endpoint.base, endpoint.generation):
        msg = f"What {endpoint.id} serves changed since you looked."
        raise ConflictError(msg, "Look at it again.")


def _in_order(act: Act, last: str, *, ttl_s: int) -> None:
    dated(act, last)
    issued, expires = act.text("issued"), act.text("expires")
    if not is_time(expires):
        msg = f"It expires at {expires[:40]!r}, which is no time."
        raise InvalidInputError(msg)
    if expires <= issued:
        msg = "It expires before it was issued."
        raise InvalidInputError(msg)
    if clock.from_text(expires) - clock.from_text(issued) > timedelta(seconds=ttl_s) + LEEWAY:
        msg = f"It expires at {expires}, which is later than the policy allows."
        raise InvalidInputError(msg, f"At most {ttl_s:,} seconds after it was issued.")


def dated(act: Act, last: str) -> None:
    """Refuse a statement without a time, or from before an earlier one about the same release.

    Raises
    ------
    InvalidInputError, ConflictError
        It is none, or before.
    """
    issued = act.text("issued")
    if not is_time(issued):
        msg = f"It is dated {issued[:40]!r}, which is no time."
        raise InvalidInputError(msg)
    if last and clock.from_text(issued) + LEEWAY < clock.from_text(last):
        msg = "It is dated before an earlier statement about the same release."
        raise ConflictError(msg, "Check this computer's clock.")


def apply_request(state: State, act: Act) -> str:
    """Open a release; it rests on the newest counting gate report, or waits for one."""
    version = state.versions[act.entity]
    endpoint = state.endpoint(version.model, act.text("environment"))
    number = state.n_releases.get(version.model, 0) + 1
    state.n_releases[version.model] = number
    environment = state.policy.environment(endpoint.environment, model=version.model)
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
        excluded={}
        if environment.self_approval
        else quorum.excluded_of(state, version, requester=act.by, level=environment.level),
        level=min(act.level, version.level),
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
    environment = state.policy.environment(act.text("environment"), model=version.model)
    if act.text("manifest") != version.manifest:
        msg = f"{version.id} has another manifest than the report names."
        raise InvalidInputError(msg)
    if not is_digest(act.text("report")):
        msg = "The report is not named by a digest."
        raise InvalidInputError(msg)
    same_base(state, act, model=version.model)
    _need_role(state, act.by, roles=environment.gate_roles, what="make gate reports there")
    failed = act.texts("failed") if "failed" in act.body else ()
    if len(set(failed)) != len(failed) or (failed and act.body["passed"]):
        msg = "The report names a failed check twice, or passes although one failed."
        raise InvalidInputError(msg)


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
        failed=act.texts("failed") if "failed" in act.body else (),
    )
    key = (report.manifest, report.environment)
    state.reports[key] = [*state.reports.get(key, []), report]
    state.touched.add(("versions", version.id))
    for release in list(state.releases.values()):
        if release.version != version.id or not _rests_on(state, release, report=report):
            continue
        if release.status == "checking":
            _settle(state, release, report=report, at=act.at, by=act.by)
        elif release.status in OPEN and not report.passed:
            state.move(release, status="outdated", because="a later gate report does not pass")
    return f"version:{version.id}"


def _rests_on(state: State, release: Release, *, report: Report) -> bool:
    environment = state.policy.known(release.environment, model=release.model)
    if environment is None or report.level < environment.level:
        return False
    if environment.gate_roles and quorum.is_party(
        state, report.by, excluded=release.excluded, level=report.level, needed=environment.level
    ):
        return False
    return (
        report.manifest == release.manifest
        and report.environment == release.environment
        and report.replaces == release.replaces
        and report.generation == release.generation
        and report.policy == release.policy
    )


def lacks(state: State, release: Release, *, issued: str) -> list[str]:
    """Return what a release still lacks, as short texts: its gate report, votes, an answer."""
    report = []
    if release.status == "checking":
        roles = state.policy.environment(release.environment, model=release.model).gate_roles
        report = [f"a gate report{f' by {quorum.or_roles(roles)}' if roles else ''}"]
    votes = quorum.lacks(state, release, issued=issued)
    return [*report, *votes, *threads.lacks(state, release)]


def _settle(state: State, release: Release, *, report: Report, at: str, by: str) -> None:
    level = min(release.level, report.level)
    based = replace(release, report=report.report, level=level, failed=report.failed)
    if report.passed:
        waiting = state.move(based, status="waiting")
        decide(state, waiting, at=at, by=by, issued=release.issued)
    else:
        state.move(based, status="blocked", because="its gate report does not pass")


def basis_of(release: Release) -> str:
    """Digest of what a vote on a release binds to; it changes when any part of that does."""
    return digest_of(canonical(statement_of(release)))


def check_vote(state: State, act: Act) -> None:
    """Check a vote: an open release, the right person, and a statement about just this release."""
    release = state.release(act.entity)
    if release.status not in {"waiting", "changes-requested"}:
        because = f": {release.because}" if release.because else ""
        msg = f"{release.id} is {release.status}{because}; it takes no votes."
        raise ConflictError(msg, "`modeldeck release list` shows what waits.")
    quorum.may_vote(state, release, person=act.by, level=act.level, key=act.key)
    same_statement(act, release)
    verdict = act.text("verdict")
    if verdict not in VERDICTS:
        msg = f"{verdict[:40]!r} is no verdict."
        raise InvalidInputError(msg, f"Use {', '.join(VERDICTS)}.")
    if verdict in NEEDS_REASON and not act.text("reason").strip():
        msg = f"To {verdict.replace('-', ' ')} you have to say why."
        raise InvalidInputError(msg, "Give a reason.")
    environment = state.policy.environment(release.environment, model=release.model)
    _in_order(act, release.last_issued, ttl_s=environment.approval_ttl_s)
    if act.text("issued") > release.expires:
        msg = f"{release.id} expired at {release.expires}."
        raise ConflictError(msg, "Ask for a new release.")
    _says_something_new(state, act, release=release)


def _says_something_new(state: State, act: Act, *, release: Release) -> None:
    verdict, mine = act.text("verdict"), quorum.holding(state, release).get(act.by)
    if mine is not None and mine.verdict == verdict and mine.expires >= act.text("issued"):
        msg = f"{act.by} voted {verdict} on {release.id} already."
        raise ConflictError(msg, "A vote can be changed, not repeated.")
    if verdict == "abstain" and mine is None:
        msg = f"{act.by} has not voted on {release.id}: there is nothing to take back."
        raise ConflictError(msg)
    if any(vote.nonce == act.text("nonce") for vote in release.votes):
        msg = "That statement was used already."
        raise ConflictError(msg)


def statement_of(release: Release) -> dict[str, Json]:
    """Return what a statement about a release names: all that the release rests on."""
    overrides: dict[str, Json] = {"overrides": [one.digest for one in release.overrides]}
    return {
        "request": release.request,
        "manifest": release.manifest,
        "report": release.report,
        "policy": release.policy,
        "environment": release.environment,
        "replaces": release.replaces,
        "generation": release.generation,
        **(overrides if release.overrides else {}),
    }


def same_statement(act: Act, release: Release) -> None:
    """Refuse a statement about something else than a release rests on.

    Raises
    ------
    ConflictError
        It is; the message names what differs.
    """
    expected = statement_of(release)
    for name in dict.fromkeys([*expected, *({"overrides"} & act.body.keys())]):
        if act.body.get(name) != expected.get(name):
            what = "other overrides" if name == "overrides" else f"another {name}"
            msg = f"The statement is about {what} than {release.id} rests on."
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
        key=act.key,
    )
    last = max(release.last_issued, vote.issued)
    voted = replace(release, votes=(*release.votes, vote), last_issued=last)
    state.put_release(voted)
    decide(state, voted, at=act.at, by=act.by, issued=last)
    return f"release:{release.id}"


def decide(state: State, release: Release, *, at: str, by: str, issued: str) -> None:
    """Move a release, and with it the pointer, where its votes decide."""
    environment = state.policy.environment(release.environment, model=release.model)
    decided = replace(release, decided_at=at, decided_by=by)
    last = quorum.standing(release).values()
    verdicts = {vote.verdict for vote in last}
    if "reject" in verdicts and environment.reject_blocks:
        first = next(vote for vote in last if vote.verdict == "reject")
        state.move(decided, status="rejected", because=f"{first.by}: {first.reason}")
    elif "request-changes" in verdicts:
        if release.status != "changes-requested":
            state.move(release, status="changes-requested")
    elif not [*quorum.lacks(state, release, issued=issued), *threads.lacks(state, release)]:
        levels = [vote.level for vote in quorum.approving(state, release, issued=issued).values()]
        sure = replace(decided, level=min((release.level, *levels)))
        approved = state.move(sure, status="approved")
        if environment.deploy == "on-approval":
            start(state, approved, at=at)
    elif release.status == "changes-requested":
        state.move(release, status="waiting")


def check_dated(act: Act, release: Release) -> None:
    """Refuse an act about a release that is dated before an earlier statement about it."""
    dated(act, release.last_issued)


def reconsider(state: State, release: Release, *, act: Act) -> None:
    """Decide a release whose votes were complete before what held it up was settled by an act."""
    issued = max(release.last_issued, act.text("issued"))
    is_voted = not [*quorum.lacks(state, release, issued=issued), *threads.lacks(state, release)]
    if release.status in {"waiting", "changes-requested"} and is_voted:
        if issued > release.expires:
            return
        begun = replace(release, level=min(release.level, act.level), last_issued=issued)
        state.put_release(begun)
        decide(state, begun, at=act.at, by=act.by, issued=issued)


def start(state: State, release: Release, *, at: str) -> None:
    """Move the endpoint's pointer to a release's version; others for the endpoint are outdated."""
    deploying = state.move(release, status="deploying")
    deployments.point(state, deploying, at=at)
    state.outdate(endpoint=release.endpoint, because=f"{release.id} was deployed meanwhile")


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
    state.move(release, status="withdrawn", because=act.text("reason"))
    return f"release:{release.id}"


def check_start(state: State, act: Act) -> None:
    """Check a start by hand: approved, votes that still hold, the role, the same base."""
    release = state.release(act.entity)
    if release.status != "approved":
        because = f": {release.because}" if release.because else ""
        msg = f"{release.id} is {release.status}, not approved{because}."
        raise ConflictError(msg, "`modeldeck release show` says what it lacks.")
    environment = state.policy.environment(release.environment, model=release.model)
    _need_role(state, act.by, roles=environment.deploy_roles, what=f"deploy to {environment.name}")
    endpoint = state.endpoint(release.model, release.environment)
    if act.number("generation") != endpoint.generation:
        msg = f"What {endpoint.id} serves changed since you looked."
        raise ConflictError(msg, "Look at it again.")
    dated(act, release.last_issued)
    left = quorum.lacks(state, release, issued=max(release.last_issued, act.text("issued")))
    if left:
        msg = f"{release.id} lacks {', '.join(left)} now: approvals expired or were revoked."
        raise NotPermittedError(msg, "Ask for a new release.")
    if threads.lacks(state, release):
        msg = f"{release.id} lacks {', '.join(threads.lacks(state, release))}."
        raise NotPermittedError(msg, f"`modeldeck thread list release:{release.id}` shows which.")


def apply_start(state: State, act: Act) -> str:
    """Start an approved release by hand."""
    release = state.releases[act.entity]
    level = min(release.level, act.level)
    last = max(release.last_issued, act.text("issued"))
    begun = replace(release, level=level, last_issued=last)
    start(state, begun, at=act.at)
    return f"release:{act.entity}"


def _need_role(state: State, person: str, *, roles: tuple[str, ...], what: str) -> None:
    deployments.need_role(state, person, roles=roles, what=what)
