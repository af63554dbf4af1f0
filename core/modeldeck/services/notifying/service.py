"""Notifications as people see them: what is delivered to whom, agreeing, testing, catching up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from modeldeck import clock
from modeldeck.domain.notifying.documents import (
    DeliveryDocument,
    NotifyDocument,
    ReceiverDocument,
    TestDocument,
    WaitingDocument,
)
from modeldeck.domain.notifying.settings import Receiver, Settings
from modeldeck.errors import ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.services.base import config
from modeldeck.services.base.deck import Deck
from modeldeck.services.notifying import consent
from modeldeck.services.notifying.delivering import Delivering
from modeldeck.services.notifying.outbox import Logged, Outbox, Pending
from modeldeck.services.notifying.trying import attempt
from modeldeck.store import places

SEND_S = 30.0
"""How long :meth:`Notifying.send` tries what fails."""


class Notifying:
    """The notifications that the actor's account sends about one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def status(self) -> NotifyDocument:
        """Return the receivers, what waits for them, and what became of earlier deliveries.

        Raises
        ------
        InvalidInputError
            ``modeldeck.toml`` is not as expected.
        """
        settings, member = self._settings(), self.deck.actor.name
        outbox = self._outbox()
        box = outbox.look()
        why_not = self._why_not(settings)
        return NotifyDocument(
            member=member,
            sender=settings.sender,
            sends=not why_not,
            why_not=why_not,
            position=box.n,
            busy=box.n >= 0 and outbox.is_tended(),
            receivers=[self._receiver(one) for one in settings.receivers],
            waiting=[_waiting(one) for one in box.pending],
            log=[_logged(one) for one in box.log],
        )

    def trust(self, names: Sequence[str] = ()) -> Sequence[ReceiverDocument]:
        """Agree that receivers are contacted in this account's name, as they are written now.

        Parameters
        ----------
        names : sequence of str
            Which; none takes all.

        Raises
        ------
        NotFoundError
            There is no such receiver.
        """
        chosen = self._chosen(names)
        at = clock.to_text(self.deck.now())
        for one in chosen:
            consent.agree(self.deck.state.workspace, one, at=at)
        with self.deck.reading() as state:
            self._outbox().begin(state.n, state.head)
        return [self._receiver(one) for one in chosen]

    def test(self, names: Sequence[str] = ()) -> Sequence[TestDocument]:
        """Send a test event to receivers now, once, whatever they want to be told of.

        Parameters
        ----------
        names : sequence of str
            Which; none takes all.

        Raises
        ------
        NotFoundError
            There is no such receiver.
        """
        return [self._tested(one) for one in self._chosen(names)]

    def send(self, *, patience_s: float = SEND_S) -> NotifyDocument:
        """Deliver what waits and what is new now; return what is left.

        Parameters
        ----------
        patience_s : float
            How long to try again what fails, in seconds.

        Raises
        ------
        NotPermittedError
            This member does not send: the settings name another one.
        """
        self._begin()
        found = Delivering(self.deck.root, self.deck.actor.name, patience_s=patience_s)
        found.run(is_at_once=True)
        return self.status()

    def watch(
        self, *, told: Callable[[DeliveryDocument], None], is_over: Callable[[], bool]
    ) -> bool:
        """Deliver as things happen, and remind people in time, until it is over.

        Parameters
        ----------
        told : callable
            Gets each line of the delivery log.
        is_over : callable
            Asked about twice a second.

        Returns
        -------
        bool
            False where another process delivers already.

        Raises
        ------
        NotPermittedError
            This member does not send: the settings name another one.
        """
        self._begin()
        found = Delivering(self.deck.root, self.deck.actor.name, patience_s=float("inf"))
        found.trying.told = lambda one: told(_logged(one))
        return found.run(is_over=is_over)

    def _begin(self) -> None:
        why_not = self._why_not(self._settings())
        if why_not:
            msg = f"Nothing is sent from here: {why_not}."
            raise NotPermittedError(msg, "`modeldeck notify status` shows what is set.")
        with self.deck.reading() as state:
            self._outbox().begin(state.n, state.head)

    def _why_not(self, settings: Settings) -> str:
        member = self.deck.actor.name
        if self.deck.member is None:
            return f"{member} is not a member"
        if not settings.receivers:
            return f"{places.CONFIG} has no [notifications.receivers]"
        if settings.sender not in {"", member}:
            return f"{settings.sender} sends for all"
        return ""

    def _settings(self) -> Settings:
        return config.load(self.deck.root).notifications

    def _outbox(self) -> Outbox:
        return Outbox(self.deck.state.workspace, self.deck.actor.name)

    def _chosen(self, names: Sequence[str]) -> Sequence[Receiver]:
        settings = self._settings()
        if not settings.receivers:
            msg = f"{places.CONFIG} has no [notifications.receivers]."
            raise NotFoundError(msg, "README.md shows how one is written.")
        found = []
        for name in names or [one.name for one in settings.receivers]:
            known = settings.receiver(name)
            if known is None:
                msg = f"There is no receiver {name[:80]!r}."
                there = ", ".join(one.name for one in settings.receivers)
                raise NotFoundError(msg, f"There are: {there}.")
            found.append(known)
        return found

    def _receiver(self, one: Receiver) -> ReceiverDocument:
        return ReceiverDocument(
            name=one.name,
            kind=one.kind,
            address=one.address,
            signed=bool(one.secret),
            events=[*one.events],
            people=[*one.people],
            timeout_s=one.timeout_s,
            problem=consent.problem_of(self.deck.state.workspace, one),
        )

    def _tested(self, receiver: Receiver) -> TestDocument:
        state, actor = self.deck.state, self.deck.actor.name
        at = clock.to_text(self.deck.now())
        identifier = f"test-{os.urandom(12).hex()}"
        one = Pending(
            id=identifier,
            receiver=receiver.name,
            event={
                "kind": "test",
                "subject": "workspace:",
                "title": f"A test of {actor}'s",
                "text": f"{state.name} can reach {receiver.name}.",
                "by": actor,
                "at": at,
                "entry": 0,
                "people": [actor],
                "remark": "",
            },
            tries=0,
            since=0.0,
            next_at=0.0,
            problem="",
        )
        began = time.monotonic()
        problem = consent.problem_of(state.workspace, receiver)
        is_delivered, detail = False, problem
        if not problem:
            try:
                done = attempt(receiver, one, workspace=state.workspace, name=state.name)
                is_delivered, detail = done.is_delivered, done.detail
            except ModelDeckError as error:
                detail = error.message
        return TestDocument(
            receiver=receiver.name,
            id=identifier,
            delivered=is_delivered,
            detail=detail,
            took_s=round(time.monotonic() - began, 3),
        )


def _waiting(one: Pending) -> WaitingDocument:
    return WaitingDocument(
        id=one["id"],
        receiver=one["receiver"],
        event=str(one["event"].get("kind", "")),
        subject=str(one["event"].get("subject", "")),
        title=str(one["event"].get("title", "")),
        tries=one["tries"],
        since=_moment(one["since"]),
        next_at=_moment(one["next_at"]),
        problem=one["problem"],
    )


def _moment(seconds: float) -> str:
    return clock.to_text(datetime.fromtimestamp(seconds, UTC))


def _logged(one: Logged) -> DeliveryDocument:
    return DeliveryDocument(
        id=one["id"],
        at=one["at"],
        receiver=one["receiver"],
        event=one["event"],
        title=one["title"],
        tries=one["tries"],
        outcome=one["outcome"],
        detail=one["detail"],
        took_s=one.get("took_s", 0.0),
    )
