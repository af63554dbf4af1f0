"""What people are told of: events, each from one entry of the ledger or from the time.

========== ==================================================== ============================
kind       when                                                 whom it concerns
========== ==================================================== ============================
mention    a remark mentions members                            those
reply      somebody replies in a thread                         who else said something in it
waits      a release waits for votes                            who may still vote
waits      an owner's proposal waits for other owners           those
decided    approved, rejected, withdrawn, blocked, outdated, or who asked for it, who made it
           changes are asked for
deployed   a server reports a release ready                     who asked for it, who made it
failed     a server reports that a version failed               who asked for it, who made it
rolled-back an endpoint went back, also by broken glass         who asked for it, who made it
expiring   a request, or an approval not yet started, is about  who may still vote, who asked
           to run out of time
========== ==================================================== ============================

An event of an entry has a key made of that entry's digest, one of the time a key made of what runs
out: whoever computes it again, also another member, comes to the same key, so that a receiver can
tell that it was told before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from modeldeck import ids
from modeldeck.domain import quorum
from modeldeck.domain.policies import timing
from modeldeck.domain.state import OPEN, Activity, Release, State
from modeldeck.domain.talking import mentions, places

KINDS = ("mention", "reply", "waits", "decided", "deployed", "failed", "rolled-back", "expiring")
MOST_TEXT = 500
"""Characters of a remark or reason that an event holds at most."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people are told; ``n`` is the entry that it comes from, 0 for the time.

    ``responsible`` is the member whose account sends it where no sender is named, ``remark`` the id
    of the remark that it is about, which a reply can name.
    """

    kind: str
    key: str
    subject: str
    title: str
    text: str
    by: str
    at: str
    n: int
    people: tuple[str, ...]
    responsible: str
    remark: str = ""

    def document(self) -> dict[str, object]:
        """Return the event as receivers get it."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "title": self.title,
            "text": self.text,
            "by": self.by,
            "at": self.at,
            "entry": self.n,
            "people": [*self.people],
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark that an entry wrote: its id, its text, and the one before where it was edited."""

    id: str = ""
    text: str = ""
    earlier: str = ""


NO_REMARK = Remark()


def of_entry(
    state: State, line: Activity, *, before: Mapping[str, str], remark: Remark = NO_REMARK
) -> list[Event]:
    """Return the events of an entry.

    Parameters
    ----------
    state : State
        The folded ledger up to that entry, whose changes ``touched`` still names.
    line : Activity
        The entry.
    before : Mapping of str to str
        What each release's state was before.
    remark : Remark
        The remark that it wrote, if it did.
    """
    if line.is_void:
        return []
    moved = [
        state.releases[key]
        for table, key in sorted(state.touched)
        if table == "releases" and before.get(key) != state.releases[key].status
    ]
    return [
        *_mentions(state, line, remark=remark),
        *_replies(state, line, remark=remark),
        *_proposals(state, line),
        *(event for one in moved for event in _moves(state, line, release=one)),
        *_of_endpoint(state, line),
    ]


def reminders(state: State, *, now: str) -> list[Event]:
    """Return what runs out of time soon: open requests, and approvals that nobody started.

    The policy's ``remind_before`` says when; see :func:`modeldeck.domain.policies.timing.status`.
    """
    found = []
    for one in state.releases.values():
        timed = timing.status(state, one, now=now) if one.status in OPEN else None
        if timed is None or not timed.is_ending:
            continue
        voters = quorum.eligible(state, one) if one.status != "approved" else []
        what = "the approvals of" if one.status == "approved" else "the request"
        ends = timed.ends_at[:16].replace("T", " ")
        found.append(
            Event(
                kind="expiring",
                key=f"expiring {one.request} {one.status == 'approved'} {timed.ends_at}",
                subject=f"release:{one.id}",
                title=f"{one.id}: {one.version} to {one.environment} runs out of time",
                text=f"At {ends} UTC the time of {what} {one.id} is over.",
                by=one.by,
                at=now,
                n=0,
                people=_once([*voters, one.by]),
                responsible=one.by,
            )
        )
    return found


def _event(line: Activity, kind: str, *, key: str, people: Iterable[str], **said: str) -> Event:
    return Event(
        kind=kind,
        key=f"{kind} {line.digest} {key}",
        by=line.by,
        at=line.at,
        n=line.n,
        people=_once(people),
        responsible=line.by,
        subject=said["subject"],
        title=said["title"],
        text=said["text"][:MOST_TEXT],
    )


def _mentions(state: State, line: Activity, *, remark: Remark) -> list[Event]:
    there = [one.name for one in state.members.values() if one.is_active]
    known = {*mentions.known(remark.earlier, there), line.by} if remark.id else set(there)
    named = [one for one in mentions.known(remark.text, there) if one not in known]
    if not named:
        return []
    title = f"{line.by} mentioned {', '.join(named)} on {_readable(line.entity)}"
    said = {"subject": line.entity, "title": title, "text": remark.text}
    return [replace(_event(line, "mention", key="", people=named, **said), remark=remark.id)]


def _replies(state: State, line: Activity, *, remark: Remark) -> list[Event]:
    """Return the event of a reply: for those in its thread whom it does not mention anyway."""
    known = state.annotations.get(remark.id)
    if line.action != "thread.reply" or known is None:
        return []
    said = (one.by for one in state.annotations.values() if one.thread == known.thread)
    left = {line.by, *mentions.names(remark.text)}
    people = _once(one for one in said if one not in left and state.member(one) is not None)
    if not people:
        return []
    title = f"{line.by} replied on {_readable(line.entity)}"
    told = {"subject": line.entity, "title": title, "text": remark.text}
    return [replace(_event(line, "reply", key="", people=people, **told), remark=remark.id)]


def _proposals(state: State, line: Activity) -> list[Event]:
    """Return the event of an owners' entry that waits for the support of others."""
    waiting = next((one.act for one in state.pending.values() if one.act.n == line.n), None)
    people = [one.name for one in state.owners() if one.name != line.by]
    if waiting is None or not people:
        return []
    what = f"{line.action} on {line.subject.partition(':')[2] or line.subject}"
    title = f"{line.by} proposes {what}: it waits for owners"
    told = {"subject": f"proposal:{waiting.id}", "title": title, "text": _text(line, "reason")}
    return [_event(line, "waits", key=waiting.id, people=people, **told)]


def _moves(state: State, line: Activity, *, release: Release) -> list[Event]:
    """Return the events of a release that moved on."""
    what = f"{release.id}: {release.version} to {release.environment}"
    makers = _makers(release)
    words = {
        "approved": f"is approved by {line.by}",
        "deploying": f"is approved by {line.by} and is deployed",
        "rejected": f"was rejected by {line.by}",
        "withdrawn": f"was withdrawn by {line.by}",
        "changes-requested": f"needs changes, says {line.by}",
        "blocked": "is blocked by its gate",
        "outdated": "is outdated",
    }
    if release.status == "deploying" and line.action == "deployment.start":
        words["deploying"] = f"was started by {line.by}"
    subject, text = f"release:{release.id}", release.because or _text(line, "reason")
    if release.status == "waiting":
        voters = [one for one in quorum.eligible(state, release) if one != line.by]
        said = {"subject": subject, "title": f"{what} waits for votes", "text": release.reason}
        return [_event(line, "waits", key=release.id, people=voters, **said)]
    if release.status == "live":
        said = {"subject": subject, "title": f"{what} is live", "text": text}
        return [_event(line, "deployed", key=release.id, people=makers, **said)]
    if release.status in words:
        title = f"{what} {words[release.status]}"
        said = {"subject": subject, "title": title, "text": text}
        return [_event(line, "decided", key=release.id, people=makers, **said)]
    return []


def _of_endpoint(state: State, line: Activity) -> list[Event]:
    """Return the events of what a server reported failed, and of going back."""
    is_failure = line.action == "deployment.report" and _text(line, "outcome") == "failed"
    if not is_failure and line.action not in _BACK:
        return []
    subject = line.subject
    name = subject.partition(":")[2]
    manifest = _text(line, "manifest")
    concerned = [
        one for one in state.releases.values() if name == one.endpoint and manifest == one.manifest
    ]
    makers = _makers(concerned[-1]) if concerned else ()
    version = concerned[-1].version if concerned else "its version"
    if is_failure:
        title = f"{line.by} reports that {version} failed on {name}"
        said = {"subject": subject, "title": title, "text": _text(line, "reason")}
        return [_event(line, "failed", key=name, people=makers, **said)]
    people = [
        each
        for one in state.releases.values()
        if one.endpoint == name and one.status in {"rolled-back", "live", "deploying"}
        for each in _makers(one)
    ]
    title = f"{line.by} {_BACK[line.action]} {name} back to {_text(line, 'to')}"
    said = {"subject": subject, "title": title, "text": _text(line, "reason")}
    return [_event(line, "rolled-back", key=name, people=[*makers, *people], **said)]


_BACK = {
    "deployment.rollback": "rolled",
    "deployment.break-glass": "broke the glass to put",
}


def _makers(release: Release) -> tuple[str, ...]:
    """Return who asked for a release, and who may not vote on it because they made it."""
    return _once([release.by, *release.excluded])


def _once(people: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(people))


def _text(line: Activity, name: str) -> str:
    value = line.body.get(name, "")
    return value if isinstance(value, str) else ""


def _readable(subject: str) -> str:
    entity, place = places.split(subject)
    kind, _colon, name = entity.partition(":")
    about = ids.short(name) if kind == "run" else name
    return f"{about} at {place.removeprefix('metric:')}" if place else about
