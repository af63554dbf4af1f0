"""The thread that reads logs for their page: one thing at a time, in short steps.

What the page asks comes first, then what came to the logs, then the long work: index, counts,
bars. Each of these is a generator that does some milliseconds of work between two yields; another
question closes it, which ends it at once. The page is told by messages only.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence

from modeldeck.errors import ModelDeckError
from modeldeck.services.logs import Line, Place, Query, Target, opened
from modeldeck_tui.screens.logs import errands
from modeldeck_tui.screens.logs.desk import Desk
from modeldeck_tui.screens.logs.news import Opened, Trouble
from modeldeck_tui.screens.reading import explained

LOOK_AGAIN_S = 2.0
"""How often what was named is looked up again: servers start later, runs begin to write."""

_URGENT = ("show", "back", "forth", "numbers")
_LONG = ("places", "find", "filter", "bars", "index")
_IDLE_S = 0.5
_PATIENCE_S = 1.0
_REST_S = 0.001

Work = Generator[None, None, None]


class Reader:
    """Reads logs in a thread until it is stopped.

    Parameters
    ----------
    find : callable
        Returns the files that are meant.
    tell : callable
        Takes what is news; called in the thread.
    every_s : float
        How often the page is told of new lines at most.
    """

    def __init__(
        self,
        find: Callable[[], Sequence[Target]],
        tell: Callable[[object], None],
        *,
        every_s: float,
    ) -> None:
        self._find = find
        self._tell = tell
        self._every_s = every_s
        self._asked: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._shown = threading.Event()
        self._shown.set()
        self._work: dict[str, Work] = {}
        self._is_stopped = False
        self._targets: list[Target] = []
        self._turn = 0
        self._quiet_until = 0.0
        self.desk: Desk | None = None

    # Called by the page, from its own thread

    def stop(self) -> None:
        """End the thread after its present step."""
        self._is_stopped = True
        self._wake.set()

    def shown(self) -> None:
        """Tell that what was told last is on the screen: more may come."""
        self._shown.set()

    def hush(self, seconds: float) -> None:
        """Let the long work rest for a moment, as somebody pressed a key."""
        self._quiet_until = time.monotonic() + seconds

    def show(self, generation: int, query: Query, *, where: errands.Where) -> None:
        """Show another place, or what fits another question."""

        def begin(desk: Desk) -> Work:
            self._drop("back", "forth")
            desk.is_turning = False
            return errands.show(desk, generation, query=query, where=where)

        self._ask("show", begin)

    def more(self, place: Place, *, is_back: bool) -> None:
        """Show what is before a place, or behind it."""
        name = "back" if is_back else "forth"
        self._ask(name, lambda desk: errands.more(desk, place, is_back=is_back))

    def count(self, what: str, generation: int, *, query: Query | None) -> None:
        """Count what fits (``filter`` or ``find``); None ends it."""
        self._ask(what, lambda desk: errands.count(desk, what, generation=generation, query=query))

    def bars(self, n: int) -> None:
        """Make bars of levels over time; 0 makes none."""
        self._ask("bars", lambda desk: errands.bars(desk, n))

    def number(self, lines: Sequence[Line]) -> None:
        """Give lines their numbers."""
        self._ask("numbers", lambda desk: errands.number(desk, lines))

    def locate(self, numbers: Sequence[tuple[int, int]]) -> None:
        """Tell where the lines of some sources and numbers are."""
        self._ask("places", lambda desk: errands.locate(desk, numbers))

    def _ask(self, name: str, begin: Callable[[Desk], Work]) -> None:
        def start() -> None:
            if self.desk is not None:
                self._drop(name)
                self._work[name] = begin(self.desk)

        self._asked.append(start)
        self._wake.set()

    # In the thread

    def run(self) -> None:
        """Read until :meth:`stop` is called."""
        try:
            while not self._is_stopped:
                self._rounds()
        finally:
            self._close()

    def _rounds(self) -> None:
        """Look the files up, then read them until it is time to look again."""
        try:
            targets = [*self._find()]
        except ModelDeckError as error:
            targets = self._targets
            if not targets:
                self._trouble(error)
                return
        if targets != self._targets and not self._reopen(targets):
            return
        again = time.monotonic() + LOOK_AGAIN_S
        polled = 0.0
        while not self._is_stopped and time.monotonic() < again:
            self._wake.clear()
            while self._asked:
                self._asked.popleft()()
            now = time.monotonic()
            if now - polled >= self._every_s and (self._shown.is_set() or now - polled > _IDLE_S):
                polled = now
                self._poll()
            if not self._step():
                self._wake.wait(max(0.0, self._every_s - (time.monotonic() - polled)))

    def _trouble(self, error: ModelDeckError) -> None:
        self._tell(Trouble(explained(error), is_lasting=True))
        self._wake.wait(_PATIENCE_S)
        self._wake.clear()

    def _reopen(self, targets: list[Target]) -> bool:
        try:
            merged = opened(targets)
        except ModelDeckError as error:
            if self.desk is None:
                self._trouble(error)
            return self.desk is not None
        before = self.desk
        self._close()
        self._targets = targets
        self.desk = Desk(merged, self._tell)
        if before is not None:
            self.desk.take_over(before)
        self._tell(Opened([one.name for one in merged.logs], [str(one.path) for one in targets]))
        self._work["index"] = errands.index(self.desk)
        return True

    def _poll(self) -> None:
        if self.desk is None or self.desk.is_turning:
            return
        try:
            if self.desk.poll():
                self._shown.clear()
                if "index" not in self._work:
                    self._work["index"] = errands.index(self.desk)
        except ModelDeckError as error:
            self._tell(Trouble(explained(error)))

    def _step(self) -> bool:
        """Do a step of what matters most; say whether there was anything to do."""
        for name in _URGENT:
            if name in self._work:
                self._go_on(name)
                return True
        waiting = [name for name in _LONG if name in self._work]
        if not waiting or time.monotonic() < self._quiet_until:
            return False
        self._turn += 1
        self._go_on(waiting[self._turn % len(waiting)])
        time.sleep(_REST_S)  # others want to run too
        return True

    def _go_on(self, name: str) -> None:
        try:
            next(self._work[name])
        except StopIteration:
            self._work.pop(name, None)
        except ModelDeckError as error:
            self._work.pop(name, None)
            self._tell(Trouble(explained(error)))
            if name == "index" and self.desk is not None:  # the rest of a damaged archive
                self._work[name] = errands.index(self.desk)

    def _drop(self, *names: str) -> None:
        for name in names:
            work = self._work.pop(name, None)
            if work is not None:
                work.close()

    def _close(self) -> None:
        self._drop(*self._work)
        if self.desk is not None:
            self.desk.merged.close()
            self.desk = None
