"""Threads: a remark that waits for an answer, its replies, and whether that is resolved.

A thread *is* a remark with what follows from it: it has the id of the remark that it begins with,
and every reply is a remark too, with a text that is edited and removed like any other. So there is
one kind of text. A plain annotation asks nobody anything; the first reply to one makes a thread of
it. A thread is open until its starter, or an owner, resolves it; anybody may reopen it.

Where a policy says ``resolve_threads``, no vote decides a release while a thread is open about it,
its version or the run that was made into it. Only threads kept open by entries of the level that
the environment asks for count: whoever could not vote against it cannot stop it like this either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modeldeck.domain.entry import is_digest
from modeldeck.domain.history.things import Annotation, Text, Thread
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import accounts
from modeldeck.domain.membership.member import Member
from modeldeck.domain.remarks import SUBJECTS
from modeldeck.domain.state import OPEN, Act, Release, State
from modeldeck.domain.talking import places
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

MOST_EDITS = 100
"""A remark is edited at most so often."""


def of(state: State, subject: str) -> Sequence[Thread]:
    """Return the threads about an entity and places within it, in the ledger's order."""
    return state.threads.get(places.split(subject)[0], ())


def thread(state: State, identifier: str) -> Thread:
    """Return a thread.

    Raises
    ------
    NotFoundError
        No thread begins with a remark of that id.
    """
    known = state.annotations.get(identifier)
    for one in of(state, known.subject) if known is not None else ():
        if one.id == identifier:
            return one
    msg = f"There is no thread {identifier[:80]!r}."
    raise NotFoundError(msg, "`modeldeck thread list --all` shows those there are.")


def unresolved(state: State, release: Release) -> Sequence[Thread]:
    """Return the open threads about a release, its version and the run that it was made of.

    Threads that only entries below the level of the release's environment keep open are left out.
    """
    subjects = [f"release:{release.id}", f"version:{release.version}"]
    version = state.versions.get(release.version)
    if version is not None and version.run:
        subjects.append(f"run:{version.run}")
    known = state.policy.known(release.environment, model=release.model)
    return [
        one
        for subject in subjects
        for one in of(state, subject)
        if not one.is_resolved and (known is None or one.level >= known.level)
    ]


def blocking(state: State, release: Release) -> Sequence[Thread]:
    """Return the threads that have to be resolved before a release is decided; none by default."""
    known = state.policy.known(release.environment, model=release.model)
    return unresolved(state, release) if known is not None and known.resolve_threads else ()


def lacks(state: State, release: Release) -> list[str]:
    """Return what a release still lacks because of threads, as short texts."""
    count = len(blocking(state, release))
    return [f"{count} thread{'s' * (count > 1)} resolved"] if count else []


def check_start(_: State, act: Act) -> None:
    """Check that a thread begins about a kind of thing that exists, with a text."""
    kind, _colon, name = places.split(act.subject)[0].partition(":")
    if kind not in SUBJECTS or not name:
        msg = f"{act.subject[:80]!r} cannot be discussed."
        raise InvalidInputError(msg, f"Name one of: {', '.join(SUBJECTS)}, as in release:churn-1.")
    places.check(act.subject)
    _need_text(act)


def apply_start(state: State, act: Act) -> str:
    """Begin a thread with its first remark."""
    _keep(state, _remark(act, subject=act.subject, begins=act.id))
    _put(state, Thread(act.id, act.subject, by=act.by, at=act.at, level=act.level))
    return act.subject


def check_reply(state: State, act: Act) -> None:
    """Check that a reply is to a remark there is, with a text."""
    known = _known(state, act)
    if known.is_withdrawn and not known.thread:
        msg = "That remark was taken back; there is nothing to reply to."
        raise ConflictError(msg, "Begin a thread of your own: `modeldeck thread start`.")
    _need_text(act)


def apply_reply(state: State, act: Act) -> str:
    """Add a reply; the first one to a plain remark makes a thread of it."""
    first = state.annotations[act.entity]
    begins = first.thread or first.id
    if not first.thread:
        _keep(state, replace(first, thread=first.id))
        _put(state, Thread(first.id, first.subject, by=first.by, at=act.at, level=act.level))
    _keep(state, _remark(act, subject=first.subject, begins=begins))
    known = thread(state, begins)
    if not known.is_resolved and act.level > known.level:
        _put(state, replace(known, level=act.level))
    return first.subject


def check_edit(state: State, act: Act) -> None:
    """Check that a remark gets another text, by whoever wrote it."""
    known = _known(state, act)
    if known.by != act.by:
        msg = f"Only {known.by} can edit that remark."
        raise NotPermittedError(msg, "Reply to it.")
    if known.is_withdrawn or known.redacted_by:
        what = "taken back" if known.is_withdrawn else "removed"
        msg = f"That remark was {what}; it cannot be edited any more."
        raise ConflictError(msg, "Write another one.")
    if len(known.earlier) >= MOST_EDITS:
        msg = f"That remark was edited {MOST_EDITS} times."
        raise ConflictError(msg, "Write another one.")
    _need_text(act)
    if act.text("object") in known.objects:
        msg = "That remark has, or had, just that text."
        raise ConflictError(msg)


def apply_edit(state: State, act: Act) -> str:
    """Give a remark another text; the earlier ones stay."""
    known = state.annotations[act.entity]
    before = Text(known.object, known.edited_at or known.at)
    _keep(
        state,
        replace(
            known,
            object=act.text("object"),
            edited_at=act.at,
            earlier=(*known.earlier, before),
        ),
    )
    return known.subject


def check_closing(state: State, act: Act) -> None:
    """Check that an open thread is resolved by whoever may say that it is.

    That is whoever began it, or an owner; but where that one is no member any more, of others'
    threads about what somebody asked for or made themselves, only another owner's word counts.
    """
    known = thread(state, act.entity)
    if known.is_resolved:
        msg = f"{known.resolved_by} resolved that thread already."
        raise ConflictError(msg)
    if act.by == known.by:
        return
    member = state.member(act.by)
    if member is None or not member.is_owner:
        msg = f"Only {known.by} or an owner can resolve that thread."
        raise NotPermittedError(msg, "Reply to it, and ask them to.")
    parties = _parties(state, known)
    others = [one.name for one in state.owners() if not _is_party(state, one, parties=parties)]
    is_party = _is_party(state, member, parties=parties, level=act.level)
    if is_party and (state.member(known.by) is not None or others):
        ask = ", ".join(dict.fromkeys([known.by] * bool(state.member(known.by)) + others))
        msg = f"{act.by} asked for or made what that thread is about, and does not resolve it."
        raise NotPermittedError(msg, f"Ask {ask}.")


def _is_party(
    state: State, member: Member, *, parties: set[str], level: Level | None = None
) -> bool:
    """Say whether somebody asked for or made it, also by another name of one Unix account."""
    if level is None:
        level = Level.SIGNED if member.keys else Level.OWNER
    needed = state.policy.strictest
    known = [state.members[name] for name in parties if name in state.members]
    return member.name in parties or bool(
        accounts.namesake(member, known, level=level, needed=needed)
    )


def close(state: State, act: Act) -> Thread:
    """Resolve a thread; return it as it is then."""
    known = thread(state, act.entity)
    closed = replace(
        known,
        is_resolved=True,
        resolved_by=act.by,
        resolved_at=act.at,
        because=act.text("reason"),
    )
    _put(state, closed)
    return closed


def check_reopen(state: State, act: Act) -> None:
    """Check that a resolved thread is opened again."""
    if not thread(state, act.entity).is_resolved:
        msg = "That thread is open."
        raise ConflictError(msg)


def apply_reopen(state: State, act: Act) -> str:
    """Open a thread again; the level of who did so counts from here on."""
    known = thread(state, act.entity)
    opened = replace(
        known, is_resolved=False, resolved_by="", resolved_at="", because="", level=act.level
    )
    _put(state, opened)
    return known.subject


def concerned(state: State, known: Thread) -> Sequence[Release]:
    """Return the releases, not decided yet, that a thread can hold up."""
    return [
        one
        for one in state.releases.values()
        if one.status in OPEN and any(each.id == known.id for each in blocking(state, one))
    ]


def _parties(state: State, known: Thread) -> set[str]:
    """Return who asked for, registered or made what a thread is about."""
    subject = places.split(known.subject)[0]
    kind, _colon, name = subject.partition(":")
    found: set[str] = set()
    if kind == "release" and name in state.releases:
        found |= set(state.releases[name].excluded)
    for one in state.versions.values():
        if name in {one.id if kind == "version" else "", one.run if kind == "run" else ""}:
            found |= {one.by, *one.authors}
    return found


def _known(state: State, act: Act) -> Annotation:
    known = state.annotations.get(act.entity)
    if known is None:
        msg = f"There is no remark {act.entity[:80]!r}."
        raise NotFoundError(msg, "`modeldeck annotation list` shows those there are.")
    return known


def _need_text(act: Act) -> None:
    if not is_digest(act.body["object"]):
        msg = "The remark's text is not named by a digest."
        raise InvalidInputError(msg)


def _remark(act: Act, *, subject: str, begins: str) -> Annotation:
    return Annotation(
        id=act.id, subject=subject, by=act.by, at=act.at, object=act.text("object"), thread=begins
    )


def _keep(state: State, remark: Annotation) -> None:
    state.annotations[remark.id] = remark
    state.touched.add(("annotations", remark.id))


def _put(state: State, changed: Thread) -> None:
    """Keep a thread, new or changed, among those of its entity."""
    entity = places.split(changed.subject)[0]
    known = state.threads.get(entity, ())
    if any(one.id == changed.id for one in known):
        state.threads[entity] = tuple(changed if one.id == changed.id else one for one in known)
    else:
        state.threads[entity] = (*known, changed)
    state.touched.add(("annotations", changed.id))
