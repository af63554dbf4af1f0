"""The actions of discussion, and what resolving a thread decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modeldeck.domain import releases
from modeldeck.domain.entry import is_time
from modeldeck.domain.state import Act, State
from modeldeck.domain.talking import threads
from modeldeck.errors import InvalidInputError


def check_resolve(state: State, act: Act) -> None:
    """Check that a thread is resolved by who may, dated after what was said of the releases."""
    threads.check_closing(state, act)
    if not is_time(act.text("issued")):
        msg = f"It is dated {act.text('issued')[:40]!r}, which is no time."
        raise InvalidInputError(msg)
    for release in threads.concerned(state, threads.thread(state, act.entity)):
        releases.check_dated(act, release)


def apply_resolve(state: State, act: Act) -> str:
    """Resolve a thread; a release that waited for just that is decided."""
    waited = threads.concerned(state, threads.thread(state, act.entity))
    closed = threads.close(state, act)
    for release in waited:
        releases.reconsider(state, release, act=act)
    return closed.subject


def _nothing(_state: State, _act: Act) -> str:
    return ""


Rule = tuple[
    dict[str, type],
    Callable[[State, Act], None],
    Callable[[State, Act], str],
    Callable[[State, Act], str],
    bool,
    bool,
]

_TEXT: dict[str, type] = {"object": str}
ACTIONS: Mapping[str, Rule] = {
    "thread.start": (_TEXT, threads.check_start, threads.apply_start, _nothing, False, False),
    "thread.reply": (_TEXT, threads.check_reply, threads.apply_reply, _nothing, False, False),
    "thread.resolve": (
        {"reason": str, "issued": str},
        check_resolve,
        apply_resolve,
        _nothing,
        False,
        True,
    ),
    "thread.reopen": (
        {"reason": str},
        threads.check_reopen,
        threads.apply_reopen,
        _nothing,
        False,
        False,
    ),
    "annotation.edit": (_TEXT, threads.check_edit, threads.apply_edit, _nothing, False, True),
}
"""The actions of this package, as the table of the fold has them.

Resolving and editing need the level of the strictest environment, as removing a text does.
"""
