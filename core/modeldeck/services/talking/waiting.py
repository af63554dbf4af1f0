"""What of all discussions waits for a person.

A *mention* waits until its person says anything in the same thread (of a plain annotation: about
the same thing) or the thread is resolved; outside of an open thread it is shown for two weeks. An
*open thread* waits for who asked for a release that is not decided yet, when it is about that
release, its version or its run; and for who began it, once somebody else had the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from modeldeck import ids
from modeldeck.domain.history.things import Annotation, Thread
from modeldeck.domain.state import OPEN, State
from modeldeck.domain.talking import mentions, places, threads


class Waiting(NamedTuple):
    """A mention or an open thread that waits for a person.

    ``kind`` is mention or thread; ``thread`` the id of a thread, or of the remark that could
    become one; ``blocks`` the release that it holds up, by the policy.
    """

    kind: str
    subject: str
    thread: str
    by: str
    at: str
    text: str
    blocks: str = ""

    @property
    def entity(self) -> str:
        """What it is about, without a place."""
        return places.split(self.subject)[0]

    @property
    def title(self) -> str:
        """Who said something about what."""
        kind, _colon, name = self.entity.partition(":")
        place = places.split(self.subject)[1]
        about = ids.short(name) if kind == "run" else name
        return f"{self.by} on {about}" + (f" at {place.removeprefix('metric:')}" if place else "")


def waiting(state: State, read: Callable[[str], str], *, who: str, since: str) -> Sequence[Waiting]:
    """Return what waits for a person, oldest first.

    Parameters
    ----------
    state : State
        The folded ledger.
    read : callable
        Returns the text of an object.
    who : str
        The person.
    since : str
        Mentions outside of open threads that are older do not wait any more.
    """
    open_threads = {
        one.id: one for many in state.threads.values() for one in many if not one.is_resolved
    }
    asked = _asked(state, read, who=who, since=since, open_threads=open_threads)
    found = {one.thread: one for one in _open(state, read, who=who, threads_=open_threads)}
    found.update({one.thread: one._replace(blocks=_blocks(found, one)) for one in asked})
    return sorted(found.values(), key=lambda one: one.at)


def _blocks(found: Mapping[str, Waiting], one: Waiting) -> str:
    return found[one.thread].blocks if one.thread in found else ""


def _asked(
    state: State,
    read: Callable[[str], str],
    *,
    who: str,
    since: str,
    open_threads: Mapping[str, Thread],
) -> list[Waiting]:
    """Return the mentions of a person that nobody answered, each thread once."""
    member = state.member(who)
    found: dict[str, Waiting] = {}
    for one in state.annotations.values() if member is not None else ():
        where = one.thread or one.subject
        if one.by == who:
            found.pop(where, None)
            continue
        is_old = one.at < since and one.thread not in open_threads
        is_over = bool(one.thread) and one.thread not in open_threads
        if one.is_withdrawn or one.redacted_by or is_old or is_over:
            continue
        if member is not None and state.ids.get(one.id, 0) <= member.since:
            continue
        text = read(one.object)
        if who in mentions.names(text):
            begins = one.thread or one.id
            found[where] = Waiting("mention", one.subject, begins, one.by, one.at, text)
    return list(found.values())


def _open(
    state: State, read: Callable[[str], str], *, who: str, threads_: Mapping[str, Thread]
) -> Iterable[Waiting]:
    """Return the open threads that wait for a person, but not those they spoke in last."""
    last = {one.thread: one for one in state.annotations.values() if one.thread in threads_}
    mine = [one for one in state.releases.values() if one.by == who and one.status in OPEN]
    held: dict[str, str] = {}
    for release in mine:
        blocking = {one.id for one in threads.blocking(state, release)}
        for one in threads.unresolved(state, release):
            held[one.id] = held.get(one.id) or (release.id if one.id in blocking else "")
    for one in threads_.values():
        said: Annotation = last[one.id]
        if said.by != who and (one.id in held or one.by == who):
            text = read(said.object)
            is_shown = not said.redacted_by and not said.is_withdrawn
            yield Waiting(
                "thread",
                one.subject,
                one.id,
                said.by,
                said.at,
                text if is_shown else "",
                held.get(one.id, ""),
            )
