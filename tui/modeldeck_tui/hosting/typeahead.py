"""Keys that come faster than pages open: each waits until the one before was done.

Textual hands a key at once to whatever has the focus, also when the key before it is just opening
another page; it is lost then, or does something on the wrong page. Here keys queue: the next one
goes on when the widget that got the last one has handled it and the page on top is ready for keys.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

LOOK_EVERY_S = 0.01
ROUNDS = 2
"""How often the way up is gone: once for the key, once for the message that it led to."""

PATIENCE_S = 2.0
"""How long a page may make keys wait; then they go to what there is."""


class Typeahead(App[None]):
    """An app that loses no key."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: deque[events.Key] = deque()
        self._handling: events.Key | None = None
        self._waits_since = 0.0
        self._is_looking = False

    async def on_event(self, event: events.Event) -> None:
        """Queue keys; all other events go their way at once."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if event.key == "ctrl+j":  # Enter that was pressed before the terminal was ours
                event = events.Key("enter", "\r")
            self._keys.append(event)
            await self._next_key()
        else:
            await super().on_event(event)

    async def _next_key(self) -> None:
        """Hand on the next key if the last one was handled and the page on top is ready."""
        if not self._keys or not self.screen_stack:  # nothing to do, or nobody to do it for
            return
        if self._must_wait():
            self._look_later()
            return
        event = self._keys.popleft()
        self._handling, self._waits_since = event, 0.0
        target = self.focused or self.screen
        await super().on_event(event)
        self._after(event, [*target.ancestors_with_self] * ROUNDS)

    def _must_wait(self) -> bool:
        """Say whether a key has to wait: for the one before, or for the page; never for long."""
        if self._handling is None and is_ready(self.screen):
            return False
        now = time.monotonic()
        self._waits_since = self._waits_since or now
        return now - self._waits_since < PATIENCE_S

    def _look_later(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self.set_timer(LOOK_EVERY_S, self._look)

    async def _look(self) -> None:
        self._is_looking = False
        await self._next_key()

    def _after(self, event: events.Key, nodes: Sequence[DOMNode]) -> None:
        """Go on once a key has been through some queues.

        A key bubbles from queue to queue up to the app, which looks for its binding last; so does
        the message that a widget sends because of it, such as that a line was entered. A callback
        that is put into each queue behind them knows that they have been there.
        """
        if not nodes or not nodes[0].call_later(self._after, event, nodes[1:]):
            self._handled(event)

    def _handled(self, event: events.Key) -> None:
        if self._handling is event:
            self._handling = None
            if self._keys:
                self.call_later(self._next_key)


def is_ready(screen: Screen[Any]) -> bool:
    """Say whether a page or dialog can take keys."""
    own = getattr(screen, "is_ready", None)
    return screen.focused is not None if own is None else bool(own)
