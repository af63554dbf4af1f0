"""The fold: entry after entry into the state, and deciding what may be the next one.

:func:`apply` and :func:`decide` read nothing but their arguments (no clock, no environment, no
file), so every reader of the same entries with the same evidence has the same state. Both use the
same checks of :data:`ACTIONS`; what ``decide`` refuses with an error, ``apply`` marks void.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modeldeck.domain import deployments, members, releases, remarks, versions
from modeldeck.domain.datasets import versions as datasets
from modeldeck.domain.entry import MAX_BYTES, NO_PREV, Entry, Intent
from modeldeck.domain.exceptional import actions as exceptional
from modeldeck.domain.history import breaks, copies, seals
from modeldeck.domain.levels import Evidence, Level, level_of
from modeldeck.domain.membership import changing, withdrawing
from modeldeck.domain.reading import shelf
from modeldeck.domain.state import Act, Activity, State
from modeldeck.domain.talking import actions as talking
from modeldeck.errors import InvalidInputError, ModelDeckError, NotPermittedError

FORGED = "its signature does not verify under a key of its author"
"""Why an entry is void that somebody else signed, or that was changed after signing."""

Check = Callable[[State, Act], None]
Apply = Callable[[State, Act], str]
Affects = Callable[[State, Act], str]


def _nothing(_state: State, _act: Act) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One action: the exact fields of its body, its check, what it does, which endpoint it affects.

    Fields that are ``optional`` came later: entries without them stay what they are.

    ``least`` is a level that it needs whatever the policy asks for; what ``is_strict`` needs the
    level of the strictest environment, as everything of the owners does.
    """

    fields: dict[str, type]
    check: Check
    apply: Apply
    affects: Affects = _nothing
    is_owners: bool = False
    is_strict: bool = False
    least: Level = Level.CLAIMED
    optional: Mapping[str, type] = field(default_factory=dict)


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
    least = RULES[act.v][state.pending[act.entity].act.action].least
    if act.level < least:
        msg = f"That proposal needs supporters at the level {least.word}."
        raise NotPermittedError(msg, _LEVEL_HINTS[least])
    proposal = members.supported(state, act)
    if proposal is not None:
        RULES[proposal.v][proposal.action].check(state, proposal)


def _support(state: State, act: Act) -> str:
    proposal = members.supported(state, act)
    if proposal is None:
        members.add_support(state, act)
        return act.subject
    del state.pending[act.entity]
    return RULES[proposal.v][proposal.action].apply(state, proposal._replace(n=act.n, at=act.at))


def _acknowledge(state: State, act: Act) -> str:
    """Acknowledge a broken place; what waited there counts from here on, if it still may."""
    for waiting in breaks.acknowledge(state, act):
        late = waiting._replace(n=act.n, at=act.at)
        state.settled[waiting.n] = _settled(state, late)
    return act.subject


def _settled(state: State, late: Act) -> str:
    if late.action == "release.vote":
        return breaks.RECAST
    try:
        check(state, late)
    except ModelDeckError as error:
        return f"acknowledged by entry {late.n}, it may not count any more: {error.message}"
    _take(state, late)
    return f"it counts from entry {late.n} on, which acknowledged it"


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
    "member.change": Rule(
        changing.FIELDS, changing.check_change, changing.apply_change, is_owners=True
    ),
    "member.revoke": Rule({"reason": str}, members.check_revoke, _revoke, is_owners=True),
    "policy.adopt": Rule({"policy": dict}, members.check_adopt, _adopt, is_owners=True),
    "proposal.support": Rule({"digest": str}, _check_support, _support),
    "proposal.withdraw": Rule(
        withdrawing.FIELDS, withdrawing.check_withdraw, withdrawing.apply_withdraw, is_strict=True
    ),
    "version.register": Rule(
        {"manifest": str, "run": str, "authors": list},
        versions.check_register,
        versions.apply_register,
    ),
    "gate.report": Rule(
        {**_BASE, "report": str, "passed": bool},
        releases.check_report,
        releases.apply_report,
        exceptional.of_version,
        optional={"failed": list},
    ),
    "release.request": Rule(
        {**_BASE, **_ISSUED}, releases.check_request, releases.apply_request, exceptional.of_version
    ),
    "release.vote": Rule(
        {**_BASE, **_ISSUED, "request": str, "report": str, "verdict": str, "nonce": str},
        releases.check_vote,
        releases.apply_vote,
        exceptional.of_release,
        optional={"overrides": list},
    ),
    "release.withdraw": Rule(
        {"reason": str}, releases.check_withdraw, releases.apply_withdraw, exceptional.of_release
    ),
    **{name: Rule(*rule[:3], **rule[3]) for name, rule in exceptional.ACTIONS.items()},
    "deployment.start": Rule(
        {"generation": int, "issued": str},
        releases.check_start,
        releases.apply_start,
        exceptional.of_release,
    ),
    "deployment.stop": Rule(
        {"generation": int, "reason": str}, deployments.check_stop, _stop, exceptional.of_endpoint
    ),
    "deployment.rollback": Rule(
        {"generation": int, "reason": str, "to": str, "manifest": str},
        deployments.check_rollback,
        deployments.apply_rollback,
        exceptional.of_endpoint,
    ),
    "deployment.report": Rule(
        {"generation": int, "manifest": str, "outcome": str, "reason": str, "head": str},
        deployments.check_report,
        deployments.apply_report,
        exceptional.of_endpoint,
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
    **{name: Rule(*rule) for name, rule in talking.ACTIONS.items()},
    **{name: Rule(*rule) for name, rule in seals.ACTIONS.items()},
    "annotation.redact": Rule(
        {"reason": str}, remarks.check_redact, remarks.apply_redact, is_strict=True
    ),
    "ledger.acknowledge": Rule(
        {"n": int, "digest": str, "reason": str},
        breaks.check_acknowledge,
        _acknowledge,
        is_owners=True,
    ),
    "ledger.restore": Rule(
        {"n": int, "head": str, "lost_n": int, "reason": str},
        copies.check_restore,
        copies.apply_restore,
        is_owners=True,
    ),
    "ledger.adopt": Rule(
        {"n": int, "head": str, "except": list},
        copies.check_adopt,
        copies.apply_adopt,
        is_owners=True,
        least=Level.SIGNED,
    ),
    "workspace.upgrade": Rule(
        {"to": int, "reason": str}, copies.check_upgrade, copies.apply_upgrade, is_owners=True
    ),
}
"""Every action that an entry can have; an entry with another one is void."""

RULES: dict[int, Mapping[str, Rule]] = {1: ACTIONS}
"""The actions of each version of the rules that this program knows."""


def newest() -> int:
    """Return the newest version of the rules that this program knows."""
    return max(RULES)


def needed_level(state: State, act: Act) -> Level:
    """Return the level that an act needs: that of the strictest environment it affects."""
    rule = RULES[act.v][act.action]
    if rule.is_owners or rule.is_strict or act.action in {"proposal.support", "run.delete"}:
        return max(rule.least, state.policy.strictest)
    model, _at, environment = rule.affects(state, act).rpartition("@")
    if not environment:
        return rule.least
    return max(rule.least, state.policy.environment(environment, model=model).level)


def check(state: State, act: Act) -> None:
    """Refuse an act that may not be the next one; the one legality check of all readers.

    Cheap questions come first: whether the fields are there, who asks, and how sure that is. The
    rule of the action sees only what has passed them.

    Raises
    ------
    ModelDeckError
        It may not; the message says why, the hint what to do.
    """
    rule = RULES.get(act.v, {}).get(act.action)
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
    Level.OWNER: (
        "Write it from the Unix account that is recorded for you. Where one account tries both "
        'sides, owners can adopt trust = "claimed" in modeldeck.toml.'
    ),
    Level.SIGNED: "Sign with --key ~/.ssh/id_ed25519, or add your key to ssh-agent.",
}


def _check_fields(rule: Rule, act: Act) -> None:
    fields = rule.fields
    if rule.optional:
        more = {key: rule.optional[key] for key in rule.optional if key in act.body}
        fields = {**fields, **more}
    if act.body.keys() != fields.keys():
        wrong = sorted(set(act.body) ^ set(fields))
        msg = f"A body of {act.action} does not have the right fields: {', '.join(wrong)[:200]}."
        raise InvalidInputError(msg)
    for name, kind in fields.items():
        value = act.body[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            msg = f"The {name} of {act.action} is not of the right kind."
            raise InvalidInputError(msg)


def decide(state: State, intent: Intent, *, level: Level, at: str, key: str = "") -> None:
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
    key : str
        The public key that it is, or will be, signed with; empty where that is not known yet.

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
        v=state.rules,
        key=key,
    )
    check(state, act)


def apply(state: State, entry: Entry, *, evidence: Evidence) -> None:
    """Fold one entry, the next one of the chain, into the state.

    A void entry changes nothing but the position, and stays in the activity with its reason. Where
    an entry does not continue the bytes of the one before, both are marked; see
    :mod:`modeldeck.domain.history.breaks`. What cannot be an entry of this place, and rules that
    this program does not know, end the fold: ``state.stopped`` says why.
    """
    state.stopped = _misplaced(state, entry)
    if state.stopped:
        return
    is_broken = bool(state.n) and entry.prev != state.head
    if is_broken:
        breaks.mark(state, wanted=entry.prev)
    act = _act_of(state, entry, evidence=evidence)
    reason, entity = _void_because(state, entry, evidence=evidence), entry.subject
    state.keep()
    state.last, state.last_counts = act, breaks.counts(state, act)
    if not reason and is_broken and not state.last_counts:
        reason = breaks.WAITS
        state.waiting[act.n] = act
    elif not reason:
        reason, entity = _act(state, act)
    problem = reason or ("" if entry.action == "workspace.found" else entry.action)
    if not state.n and problem:
        state.stopped = f"Entry 1 does not found a workspace: {problem.rstrip('.')}."
        return
    _record(state, act, reason=reason, entity=entity, is_broken=is_broken)
    state.stopped = unknown_rules(state)


def unknown_rules(state: State) -> str:
    """Return why nothing after the last entry can be understood; empty when its rules are known."""
    if state.rules in RULES:
        return ""
    return (
        f"Entry {state.n} upgraded the workspace to version {state.rules} of the rules; "
        f"this program knows {newest()}. Update it."
    )


def _misplaced(state: State, entry: Entry) -> str:
    """Return why an entry cannot be the next one at all; empty when it can."""
    if unknown_rules(state):
        return unknown_rules(state)
    if entry.n != state.n + 1:
        return f"The file of entry {state.n + 1} holds entry {entry.n}."
    if not state.n and entry.prev != NO_PREV:
        return "Entry 1 does not begin a chain."
    if state.n == 1 and entry.prev != state.head:
        return "Entry 2 does not continue entry 1: another workspace was put in its place."
    return ""


def _act_of(state: State, entry: Entry, *, evidence: Evidence) -> Act:
    member = state.members.get(entry.by)
    uid = member.uid if member else None
    return Act(
        n=entry.n,
        digest=entry.digest,
        id=entry.id,
        at=entry.at,
        by=entry.by,
        host=entry.host,
        action=entry.action,
        subject=entry.subject,
        body=entry.body,
        level=level_of(evidence, uid=uid, owners_count=state.owners_count),
        v=entry.v,
        key=evidence.key,
    )


def is_known_head(state: State, entry: Entry) -> bool:
    """Say whether the head that an entry's author saw is, or once was, one of this chain."""
    if entry.head in state.heads or entry.head == entry.prev:
        return True
    return any(one.wanted == entry.head for one in state.breaks.values())


def _void_because(state: State, entry: Entry, *, evidence: Evidence) -> str:
    if entry.size > MAX_BYTES:
        return "it is larger than an entry may be"
    if entry.workspace != state.workspace and state.n:
        return "it is of another workspace"
    if evidence.is_forged:
        return FORGED
    if evidence.is_contradictory:
        return "with what it adopts its authors would not be owners"
    if entry.id in state.ids:
        return f"its id was used by entry {state.ids[entry.id]}"
    if state.n and not is_known_head(state, entry):
        return "the head that its author saw is not of this chain"
    if entry.v != state.rules:
        return f"it is of version {entry.v} of the rules; version {state.rules} is in force"
    return ""


def _act(state: State, act: Act) -> tuple[str, str]:
    """Check and apply an act; whatever is wrong with it, the state has all of it or nothing."""
    try:
        check(state, act)
        return "", _take(state, act)
    except ModelDeckError as error:
        problem = error
    except Exception as error:  # noqa: BLE001 -- as in check: no entry may end the fold
        problem = _not_understood(act, error)
    state.undo()
    return problem.message, act.subject


def _take(state: State, act: Act) -> str:
    """Draw what follows from an act that was checked; return what it made or changed."""
    rule = RULES[act.v][act.action]
    if rule.is_owners and state.threshold > 1:
        members.wait_for_owners(state, act)
        return act.subject
    return rule.apply(state, act)


def _record(state: State, act: Act, *, reason: str, entity: str, is_broken: bool) -> None:
    is_sure = act.level > Level.CLAIMED or state.policy.strictest == Level.CLAIMED
    if not reason or (act.n in state.waiting and is_sure):
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
            is_broken=is_broken,
        )
    )
