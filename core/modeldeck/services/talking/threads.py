"""Threads: beginning one, replying, resolving; who is mentioned, and what waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modeldeck import clock
from modeldeck.domain import quorum
from modeldeck.domain.entry import Json
from modeldeck.domain.history.things import Annotation, Thread
from modeldeck.domain.policies import timing
from modeldeck.domain.state import OPEN, Act, Activity, Release, State
from modeldeck.domain.talking import mentions, places
from modeldeck.domain.talking import threads as rules
from modeldeck.domain.talking.documents import EarlierDocument, RemarkDocument, ThreadDocument
from modeldeck.errors import ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.services.annotations import Annotations
from modeldeck.services.base import builders
from modeldeck.services.base.deck import Deck
from modeldeck.services.talking import texts
from modeldeck.services.talking.waiting import Waiting, waiting

MENTION_WAITS = timedelta(days=14)
"""A mention outside of an open thread is shown no longer than this as waiting for an answer."""


class Threads:
    """The threads of one workspace."""

    def __init__(self, deck: Deck, annotations: Annotations) -> None:
        self.deck = deck
        self._annotations = annotations
        self._texts = texts.Texts(deck.objects)

    def start(self, typed: str, text: str) -> ThreadDocument:
        """Begin a thread about an entity or a place within one.

        Parameters
        ----------
        typed : str
            As ``churn-12``, ``churn@7``, ``k3f9wz``, ``k3f9wz#auc@120`` (a point of a metric) or
            ``k3f9wz#log:57`` (a line of its log).
        text : str
            The first remark; ``@bob`` mentions a member.

        Raises
        ------
        InvalidInputError
            The text is empty or too long, or the place is not written so.
        NotFoundError
            There is no such thing.
        """
        subject = self._annotations.place(typed)
        done = self._say("thread.start", subject, text=text)
        return self._said(done, text)

    def reply(self, typed: str, text: str) -> ThreadDocument:
        """Reply in a thread; to a plain annotation, which makes a thread of it.

        Parameters
        ----------
        typed : str
            The id of a thread, or of any remark in one; or its beginning.
        text : str
            The reply; ``@bob`` mentions a member.

        Raises
        ------
        NotFoundError
            There is no such remark.
        ConflictError
            It was taken back.
        """
        known = self._annotations.find(typed)
        done = self._say("thread.reply", f"thread:{known.thread or known.id}", text=text)
        return self._said(done, text)

    def edit(self, typed: str, text: str) -> ThreadDocument:
        """Give a remark of one's own another text; the earlier ones stay readable.

        Raises
        ------
        NotFoundError
            There is no such remark, or it is in no thread.
        NotPermittedError
            Somebody else wrote it.
        ConflictError
            It was taken back or removed, or has that text already.
        """
        known = self._annotations.find(typed)
        if not known.thread:
            msg = f"The remark {known.id[:12]} is in no thread."
            raise NotFoundError(msg, f"`modeldeck annotation edit {known.id[:12]} TEXT` edits it.")
        self._annotations.edit(known.id, text)
        return {**self.show(known.thread), "strange": self.strange(text)}

    def resolve(self, typed: str, reason: str = "") -> ThreadDocument:
        """Resolve a thread: who began it, or an owner. A release that waited for it is decided.

        Raises
        ------
        NotFoundError
            There is no such thread.
        NotPermittedError
            Somebody else began it, and the actor is no owner, or made what it is about; or it
            would deploy a release during a freeze.
        ConflictError
            It is resolved already.
        """
        known = self._thread(typed)
        with self.deck.reading() as state:
            releases = rules.concerned(state, known)
            self._need_no_freeze(state, known, releases=releases)
            after = max((one.last_issued for one in releases), default="")
            body: dict[str, Json] = {"reason": reason, "issued": self.deck.now_text(after=after)}
        self.deck.commit("thread.resolve", f"thread:{known.id}", body=body)
        return self.show(known.id)

    def reopen(self, typed: str, reason: str = "") -> ThreadDocument:
        """Open a resolved thread again.

        Raises
        ------
        NotFoundError
            There is no such thread.
        ConflictError
            It is open.
        """
        known = self._thread(typed)
        self.deck.commit("thread.reopen", f"thread:{known.id}", body={"reason": reason})
        return self.show(known.id)

    def show(self, typed: str) -> ThreadDocument:
        """Return one thread with all its remarks, by its id or the beginning of that.

        Raises
        ------
        NotFoundError
            There is no such thread, or there are several.
        """
        known = self._thread(typed)
        with self.deck.reading() as state:
            return self._document(state, rules.thread(state, known.id))

    def list(self, typed: str = "", *, is_all: bool = False) -> Sequence[ThreadDocument]:
        """Return the threads about an entity (and places in it), or all; those in motion first.

        Parameters
        ----------
        typed : str
            An entity or place; empty takes all.
        is_all : bool
            Also those that are resolved.

        Raises
        ------
        NotFoundError, UsageError
            There is no such entity, or several.
        """
        subject = self._annotations.place(typed) if typed else ""
        found = self.about(subject) if subject else self._everywhere()
        shown = [one for one in found if is_all or one["status"] == "open"]
        return sorted(shown, key=lambda one: one["last_at"], reverse=True)

    def about(self, subject: str) -> Sequence[ThreadDocument]:
        """Return the threads about an entity named in full, open or not, in the ledger's order.

        Those about places in it are among them; of a place named in full only its own.
        """
        entity, place = places.split(subject)
        with self.deck.reading() as state:
            return [
                self._document(state, one)
                for one in state.threads.get(entity, ())
                if not place or one.subject == subject
            ]

    def waiting(self) -> Sequence[Waiting]:
        """Return what of all discussions waits for the actor, oldest first.

        See :mod:`modeldeck.services.talking.waiting`.
        """
        with self.deck.reading() as state:
            since = clock.to_text(self.deck.now() - MENTION_WAITS)
            return waiting(state, self._texts.read, who=self.deck.actor.name, since=since)

    def strange(self, text: str) -> dict[str, str]:
        """Return the names that a text mentions and nobody has, each with the nearest one."""
        with self.deck.reading() as state:
            return dict(mentions.unknown(text, _members(state)))

    def _need_no_freeze(self, state: State, known: Thread, *, releases: Sequence[Release]) -> None:
        """Refuse to resolve the last thread that a frozen release waits for, its votes complete."""
        now = clock.to_text(self.deck.now())
        for one in releases:
            environment = state.policy.environment(one.environment, model=one.model)
            is_last = [each.id for each in rules.blocking(state, one)] == [known.id]
            is_voted = not quorum.lacks(state, one, issued=now)
            frozen = timing.freeze(environment, now=now)
            if is_last and is_voted and frozen and environment.deploy == "on-approval":
                msg = f"{frozen.text} Resolving that thread would deploy {one.id}."
                raise NotPermittedError(msg, "Do it after that.")

    def _everywhere(self) -> Sequence[ThreadDocument]:
        with self.deck.reading() as state:
            return [self._document(state, one) for many in state.threads.values() for one in many]

    def _say(self, action: str, subject: str, *, text: str) -> Activity:
        return self.deck.commit(action, subject, body={"object": texts.store(self.deck, text)})

    def _said(self, done: Activity, text: str) -> ThreadDocument:
        with self.deck.reading() as state:
            key = next(one for one, n in reversed(state.ids.items()) if n == done.n)
            document = self._document(state, rules.thread(state, state.annotations[key].thread))
        return {**document, "strange": self.strange(text)}

    def _thread(self, typed: str) -> Thread:
        known = self._annotations.find(typed.removeprefix("thread:"))
        with self.deck.reading() as state:
            if known.thread:
                return rules.thread(state, known.thread)
        msg = f"The remark {known.id[:12]} is in no thread."
        hint = f"`modeldeck thread reply {known.id[:12]} TEXT` makes one of it."
        raise NotFoundError(msg, hint)

    def _document(self, state: State, known: Thread) -> ThreadDocument:
        remarks = [
            self._remark(state, one) for one in state.annotations.values() if one.thread == known.id
        ]
        entity, place = places.split(known.subject)
        open_ones = [one for one in state.releases.values() if one.status in OPEN]
        why_not = self._why_not(state, known)
        return ThreadDocument(
            id=known.id,
            subject=known.subject,
            entity=entity,
            place=place,
            status="resolved" if known.is_resolved else "open",
            by=known.by,
            at=known.at,
            level=known.level.word,
            resolved_by=known.resolved_by,
            resolved_at=known.resolved_at,
            because=known.because,
            last_at=max((one["edited_at"] or one["at"] for one in remarks), default=known.at),
            remarks=remarks,
            blocks=[
                one.id
                for one in open_ones
                if any(each.id == known.id for each in rules.blocking(state, one))
            ],
            can_resolve=not why_not,
            why_not=why_not,
            strange={},
        )

    def _why_not(self, state: State, known: Thread) -> str:
        if state.member(self.deck.actor.name) is None:
            return f"{self.deck.actor.name} is not a member"
        act = Act(
            n=state.n + 1,
            digest="",
            id="",
            at="",
            by=self.deck.actor.name,
            host="",
            action="thread.resolve",
            subject=f"thread:{known.id}",
            body={},
            level=known.level,
        )
        try:
            rules.check_closing(state, act)
        except ModelDeckError as error:
            return error.message.rstrip(".")
        return ""

    def _remark(self, state: State, known: Annotation) -> RemarkDocument:
        text, state_of = "", ""
        if known.redacted_by:
            text, state_of = builders.redacted_text(known), "removed"
        elif known.is_withdrawn:
            state_of = "withdrawn"
        else:
            text = self._texts.read(known.object) or builders.REDACTED
        shown = not state_of
        return RemarkDocument(
            id=known.id,
            by=known.by,
            at=known.at,
            text=text,
            edited_at=known.edited_at,
            earlier=[
                EarlierDocument(at=one.at, text=self._texts.read(one.object) or builders.REDACTED)
                for one in (known.earlier if shown else ())
            ],
            mentions=list(mentions.known(text, _members(state))) if shown else [],
            state=state_of,
        )


def _members(state: State) -> Sequence[str]:
    return [one.name for one in state.members.values() if one.is_active]
