"""The fold: entry after entry into the state, and deciding what may be the next one.

:func:`apply` and :func:`decide` read nothing but their arguments (no clock, no environment, no
file), so every reader of the same entries with the same evidence has the same state. Both use the
same checks of :data:`ACTIONS`; what ``decide`` refuses with an error, ``apply`` marks void.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from modeldeck.domain import deployments, members, releases, remarks, versions
from modeldeck.domain.datasets import versions as datasets
from modeldeck.domain.entry import MAX_BYTES, NO_PREV, VERSION, Entry, Intent
from modeldeck.domain.levels import Evidence, Level, level_of
from modeldeck.domain.reading import shelf
from modeldeck.domain.state import Act, Activity, State
from modeldeck.errors import InvalidInputError, ModelDeckError, NotPermittedError

Check = Callable[[State, Act], None]
Apply = Callable[[State, Act], str]
Affects = Callable[[State, Act], str]


def _nothing(_state: State, _act: Act) -> str:
    return ""


def _named(_state: State, act: Act) -> str:
    return act.text("environment")


def _of_release(state: State, act: Act) -> str:
    return state.release(act.entity).environment


def _of_endpoint(_state: State, act: Act) -> str:
    return act.entity.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Rule:
    """One action: the exact fields of its body, its check, what it does, what it affects."""

    fields: dict[str, type]
    check: Check
    apply: Apply
    affects: Affects = _nothing
    is_owners: bool = False


_BASE = {"manifest": str, "policy": str, "environment": str, "replaces": str, "generation": int}
_ISSUED = {"issued": str, "expires": str, "reason": str}


def _adopt(state: State, act: Act) -> str:
    entity = members.apply_adopt(state, act)
    state.outdate(because="another policy was adopted")
    state.touched |= {("deployments", name) for name in state.endpoints}
    return entity


def _revoke(state: State, act: Act) -> str:
    entity = members.apply_revoke(state, act)
    deployments.forget_server(state, act.entity, at=act.at)
    return entity


def _stop(state: State, act: Act) -> str:
    entity = deployments.apply_stop(state, act)
    state.outdate(endpoint=act.entity, because=f"{act.entity} was stopped meanwhile")
    return entity


def _check_support(state: State, act: Act) -> None:
    members.check_support(state, act)
    proposal = members.supported(state, act)
    if proposal is not None:
        ACTIONS[proposal.action].check(state, proposal)


def _support(state: State, act: Act) -> str:
    proposal = members.supported(state, act)
    if proposal is None:
        members.add_support(state, act)
        return act.subject
    del state.pending[act.entity]
    return ACTIONS[proposal.action].apply(state, replace(proposal, n=act.n, at=act.at))


ACTIONS: dict[str, Rule] = {
    "workspace.found": Rule(
        {"name": str, "threshold": int, "file_owners": bool, "owners": list, "policy": dict},
        members.check_found,
        members.apply_found,
    ),
    "member.add": Rule(
        {"name": str, "kind": str, "uid": int, "roles": list, "environments": list, "keys": list},
        members.check_add,
        members.apply_add,
        is_owners=True,
    ),
    "member.revoke": Rule({"reason": str}, members.check_revoke, _revoke, is_owners=True),
    "policy.adopt": Rule({"policy": dict}, members.check_adopt, _adopt, is_owners=True),
    "proposal.support": Rule({"digest": str}, _check_support, _support),
    "version.register": Rule(
        {"manifest": str, "run": str, "authors": list},
        versions.check_register,
        versions.apply_register,
    ),
    "gate.report": Rule(
        {**_BASE, "report": str, "passed": bool},
        releases.check_report,
        releases.apply_report,
        _named,
    ),
    "release.request": Rule(
        {**_BASE, **_ISSUED}, releases.check_request, releases.apply_request, _named
    ),
    "release.vote": Rule(
        {**_BASE, **_ISSUED, "request": str, "report": str, "verdict": str, "nonce": str},
        releases.check_vote,
        releases.apply_vote,
        _of_release,
    ),
    "release.withdraw": Rule(
        {"reason": str}, releases.check_withdraw, releases.apply_withdraw, _of_release
    ),
    "deployment.start": Rule(
        {"generation": int, "issued": str},
        releases.check_start,
        releases.apply_start,
        _of_release,
    ),
    "deployment.stop": Rule(
        {"generation": int, "reason": str}, deployments.check_stop, _stop, _of_endpoint
    ),
    "deployment.rollback": Rule(
        {"generation": int, "reason": str, "to": str, "manifest": str},
        deployments.check_rollback,
        deployments.apply_rollback,
        _of_endpoint,
    ),
    "deployment.report": Rule(
        {"generation": int, "manifest": str, "outcome": str, "reason": str, "head": str},
        deployments.check_report,
        deployments.apply_report,
        _of_endpoint,
    ),
    "dataset.add": Rule(
        {"digest": str, "description": str, "reason": str}, datasets.check_add, datasets.apply_add
    ),
    "run.stop": Rule({"reason": str}, remarks.check_stop, remarks.apply_stop),
    "annotation.add": Rule({"object": str}, remarks.check_annotation, remarks.apply_annotation),
    "tag.add": Rule({"tag": str, "value": str}, remarks.check_tag, remarks.apply_tag),
    "tag.remove": Rule({"tag": str}, remarks.check_untag, remarks.apply_untag),
    "annotation.withdraw": Rule({}, remarks.check_withdraw, remarks.apply_withdraw),
    "workspace.sync": Rule(
        {"name": str, "head": str, "n": int, "taken": str}, versions.check_sync, versions.apply_sync
    ),
    **{name: Rule(*rule) for name, rule in shelf.ACTIONS.items()},
}
"""Every action that an entry can have; an entry with another one is void."""


def needed_level(state: State, act: Act) -> Level:
    """Return the level that an act needs: that of the strictest environment it affects."""
    rule = ACTIONS[act.action]
    if rule.is_owners or act.action in {"proposal.support", "run.delete"}:
        return state.policy.strictest
    environment = rule.affects(state, act)
    return state.policy.environment(environment).level if environment else Level.CLAIMED


def check(state: State, act: Act) -> None:
    """Refuse an act that may not be the next one; the one legality check of all readers.

    Cheap questions come first: whether the fields are there, who asks, and how sure that is. The
    rule of the action sees only what has passed them.

    Raises
    ------
    ModelDeckError
        It may not; the message says why, the hint what to do.
    """
    rule = ACTIONS.get(act.action)
    if rule is None:
        msg = f"There is no action {act.action[:80]!r}."
        raise InvalidInputError(msg)
    try:
        _check_fields(rule, act)
        if act.action != "workspace.found":
            _check_author(state, act, rule=rule)
        rule.check(state, act)
    except ModelDeckError:
        raise
    except Exception as error:  # whatever an entry holds, every reader goes on
        raise _not_understood(act, error) from error


def _check_author(state: State, act: Act, *, rule: Rule) -> None:
    if state.member(act.by) is None:
        msg = f"{act.by[:80]} is not a member of this workspace."
        hint = f"An owner can run `modeldeck member add {act.by[:40]}`."
        raise NotPermittedError(msg, hint)
    if rule.is_owners or act.action == "proposal.support":
        members.need_owner(state, act)
    needed = needed_level(state, act)
    if act.level < needed:
        msg = f"{act.action} needs the level {needed.word} here; this entry is {act.level.word}."
        raise NotPermittedError(msg, _LEVEL_HINTS[needed])


def _not_understood(act: Act, error: Exception) -> InvalidInputError:
    msg = f"This {act.action} cannot be understood ({type(error).__name__})."
    return InvalidInputError(msg)


_LEVEL_HINTS = {
    Level.CLAIMED: "",
    Level.OWNER: "Write it from the Unix account that is recorded for you.",
    Level.SIGNED: "Sign with --key ~/.ssh/id_ed25519, or add your key to ssh-agent.",
}


def _check_fields(rule: Rule, act: Act) -> None:
    if set(act.body) != set(rule.fields):
        wrong = sorted(set(act.body) ^ set(rule.fields))
        msg = f"A body of {act.action} does not have the right fields: {', '.join(wrong)[:200]}."
        raise InvalidInputError(msg)
    for name, kind in rule.fields.items():
        value = act.body[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            msg = f"The {name} of {act.action} is not of the right kind."
            raise InvalidInputError(msg)


def decide(state: State, intent: Intent, *, level: Level, at: str) -> None:
    """Refuse an intent that may not become the next entry.

    Parameters
    ----------
    state : State
        All entries so far, folded.
    intent : Intent
        What somebody wants recorded.
    level : Level
        The level that its entry will have.
    at : str
        The writer's time.

    Raises
    ------
    ModelDeckError
        It may not; the message says why, the hint what to do.
    """
    act = Act(
        n=state.n + 1,
        digest="",
        id=intent.id,
        at=at,
        by=intent.by,
        host="",
        action=intent.action,
        subject=intent.subject,
        body=intent.body,
        level=level,
    )
    check(state, act)


def apply(state: State, entry: Entry, *, evidence: Evidence) -> None:
    """Fold one entry, the next one of the chain, into the state.

    A void entry changes nothing but the position, and stays in the activity with its reason. An
    entry that does not continue the chain ends the fold: ``state.stopped`` says why.
    """
    if entry.n != state.n + 1 or entry.prev != (state.head if state.n else NO_PREV):
        state.stopped = f"Entry {entry.n} does not continue the chain after entry {state.n}."
        return
    if entry.v > VERSION:
        state.stopped = f"Entry {entry.n} is of a newer format ({entry.v}) than this program knows."
        return
    member = state.members.get(entry.by)
    level = level_of(evidence, uid=member.uid if member else None, owners_count=state.owners_count)
    act = Act(
        n=entry.n,
        digest=entry.digest,
        id=entry.id,
        at=entry.at,
        by=entry.by,
        host=entry.host,
        action=entry.action,
        subject=entry.subject,
        body=entry.body,
        level=level,
    )
    reason = _void_because(state, entry, evidence=evidence)
    entity = entry.subject
    if not reason:
        reason, entity = _act(state, act)
    problem = reason or ("" if entry.action == "workspace.found" else entry.action)
    if not state.n and problem:
        state.stopped = f"Entry 1 does not found a workspace: {problem.rstrip('.')}."
        return
    _record(state, act, reason=reason, entity=entity)


def _void_because(state: State, entry: Entry, *, evidence: Evidence) -> str:
    if entry.size > MAX_BYTES:
        return "it is larger than an entry may be"
    if entry.workspace != state.workspace and state.n:
        return "it is of another workspace"
    if evidence.is_forged:
        return "its signature does not verify under a key of its author"
    if entry.id in state.ids:
        return f"its id was used by entry {state.ids[entry.id]}"
    if state.n and entry.head not in state.heads:
        return "the head that its author saw is not of this chain"
    return ""


def _act(state: State, act: Act) -> tuple[str, str]:
    """Check and apply an act; whatever is wrong with it, the state has all of it or nothing."""
    state.keep()
    try:
        check(state, act)
        rule = ACTIONS[act.action]
        if rule.is_owners and state.threshold > 1:
            members.wait_for_owners(state, act)
            return "", act.subject
        return "", rule.apply(state, act)
    except ModelDeckError as error:
        problem = error
    except Exception as error:  # noqa: BLE001 -- as in check: no entry may end the fold
        problem = _not_understood(act, error)
    state.undo()
    return problem.message, act.subject


def _record(state: State, act: Act, *, reason: str, entity: str) -> None:
    if not reason:
        state.ids[act.id] = act.n
    state.n = act.n
    state.head = act.digest
    state.heads[act.digest] = act.n
    state.activity.append(
        Activity(
            n=act.n,
            at=act.at,
            by=act.by,
            host=act.host,
            action=act.action,
            subject=act.subject,
            entity=entity,
            level=act.level,
            reason=reason,
            digest=act.digest,
            is_void=bool(reason),
            body=act.body,
        )
    )
