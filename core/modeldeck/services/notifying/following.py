"""Following the ledger entry by entry, and making events of what each one did."""

from __future__ import annotations

from collections.abc import Iterator

from modeldeck import clock
from modeldeck.domain.notifying import events
from modeldeck.domain.notifying.events import NO_REMARK, Event, Remark
from modeldeck.domain.state import Activity, State
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import REMARKS
from modeldeck.services.talking import texts


class Following:
    """The events of a ledger from a position on; the deck is for this alone.

    Parameters
    ----------
    deck : Deck
        The workspace, opened for this and not read further than to its first entry.
    """

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self._status: dict[str, str] = {}

    def begin(self, n: int, head: str) -> bool:
        """Go to a position; say whether that is the entry that was seen there.

        Where it is not (another history, or a shorter one), the newest entry is gone to.
        """
        ledger = self.deck.ledger
        ledger.refresh(until=max(n, 1))
        is_same = ledger.state.n == n and (not head or ledger.state.head == head)
        if not is_same:
            ledger.refresh()
        self._seen()
        return is_same

    @property
    def state(self) -> State:
        """The ledger, folded up to the position."""
        return self.deck.state

    def events(self) -> Iterator[tuple[int, list[Event]]]:
        """Yield each new entry's number with its events.

        Raises
        ------
        UnavailableError
            An entry cannot be read just now; another call goes on there.
        """
        ledger = self.deck.ledger
        while ledger.refresh(until=ledger.state.n + 1):
            state = ledger.state
            line = state.activity[-1]
            remark = self._remark(state, line)
            found = events.of_entry(state, line, before=self._status, remark=remark)
            self._seen()
            yield state.n, found

    def reminders(self) -> list[Event]:
        """Return what runs out of time soon."""
        now = clock.to_text(self.deck.now())
        return events.reminders(self.state, now=now)

    def _remark(self, state: State, line: Activity) -> Remark:
        """Return the remark that an entry wrote, and the text before an edit."""
        if line.is_void or line.action not in REMARKS:
            return NO_REMARK
        is_edit = line.action == "annotation.edit"
        name = line.subject.partition(":")[2] if is_edit else _id(state, line)
        known = state.annotations.get(name)
        if known is None:
            return NO_REMARK
        read = texts.Texts(self.deck.objects).read
        before = read(known.earlier[-1].object) if is_edit else ""
        return Remark(known.id, read(known.object), before)

    def _seen(self) -> None:
        state = self.deck.state
        names = {key for table, key in state.touched if table == "releases"}
        for name in names if self._status else state.releases:
            if name in state.releases:
                self._status[name] = state.releases[name].status
        state.touched.clear()


def _id(state: State, line: Activity) -> str:
    return next((key for key, n in reversed(state.ids.items()) if n == line.n), "")
