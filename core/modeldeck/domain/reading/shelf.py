"""Runs that are put away: archived ones, which lists leave out, and deleted ones.

An entry names one run or many, so that putting away many costs one entry, and happens for all of
them or none. Neither action touches a file: what is deleted may be taken back until garbage
collection removes it, and :func:`deleted_runs` is what that looks at.

The fold cannot read a run's folder, so a deletion names in ``users`` whose runs these are, as its
author saw it: everybody can compare that with what the runs say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from modeldeck import ids
from modeldeck.domain.history.journal import Table
from modeldeck.domain.history.things import Shelved
from modeldeck.domain.state import OPEN, Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

MOST_RUNS = 1000
"""Runs that one entry names at most: it stays well below the size that an entry may have."""

FIELDS: dict[str, type] = {"runs": list, "reason": str}
"""The body of every entry of this module; that of a deletion also has ``users``."""

_SHOWN = 5


def deleted_runs(state: State) -> Mapping[str, Shelved]:
    """Return the deleted runs by id, with who deleted them and when."""
    return state.deleted


def check_archive(state: State, act: Act) -> None:
    """Check that runs are archived which are not."""
    runs = _runs(act)
    _need_absent(state.deleted, runs, word="deleted")
    _need_absent(state.archived, runs, word="archived")


def check_unarchive(state: State, act: Act) -> None:
    """Check that archived runs are brought back."""
    _need_present(state.archived, _runs(act), word="archived")


def check_delete(state: State, act: Act) -> None:
    """Check that runs are deleted which nothing refers to, by their user or an owner."""
    runs = _runs(act)
    _need_absent(state.deleted, runs, word="deleted")
    users = act.texts("users")
    if not users or any(not one for one in users):
        msg = "A deletion has to name whose runs these are."
        raise InvalidInputError(msg)
    member = state.member(act.by)
    if set(users) != {act.by} and not (member is not None and member.is_owner):
        others = ", ".join(sorted(set(users) - {act.by}))
        msg = f"Only {others[:200]} or an owner may delete that."
        names = ", ".join(one.name for one in state.owners())
        raise NotPermittedError(msg, f"Ask {names}, or archive it.")
    made = {one.run for one in state.versions.values()}
    used = next((run for run in runs if run in made), "")
    if used:
        raise ConflictError(
            referred(state, used), "Archive it: lists leave it out, and everything stays."
        )


def check_undelete(state: State, act: Act) -> None:
    """Check that deleted runs are taken back."""
    _need_present(state.deleted, _runs(act), word="deleted")


def referred(state: State, run: str) -> str:
    """Return what keeps a run from being deleted, as a sentence; empty for nothing."""
    versions = [one.id for one in state.versions.values() if one.run == run]
    if not versions:
        return ""
    open_ones = [
        one.id for one in state.releases.values() if one.version in versions and one.status in OPEN
    ]
    by = f", and the open release {open_ones[0]}" if open_ones else ""
    return f"Run {ids.short(run)} cannot be deleted: version {versions[0]} was made of it{by}."


def apply_archive(state: State, act: Act) -> str:
    """Leave runs out of lists."""
    return _put(state, act, table=state.archived)


def apply_unarchive(state: State, act: Act) -> str:
    """Bring archived runs back."""
    return _take(state, act, table=state.archived)


def apply_delete(state: State, act: Act) -> str:
    """Mark runs as deleted; their files stay."""
    return _put(state, act, table=state.deleted)


def apply_undelete(state: State, act: Act) -> str:
    """Take a deletion back."""
    return _take(state, act, table=state.deleted)


ACTIONS: Mapping[
    str, tuple[dict[str, type], Callable[[State, Act], None], Callable[[State, Act], str]]
] = {
    "run.archive": (FIELDS, check_archive, apply_archive),
    "run.unarchive": (FIELDS, check_unarchive, apply_unarchive),
    "run.delete": ({**FIELDS, "users": list}, check_delete, apply_delete),
    "run.undelete": (FIELDS, check_undelete, apply_undelete),
}
"""The actions of this module: the fields of the body, the check, what it does."""


def _put(state: State, act: Act, *, table: Table[str, Shelved]) -> str:
    for run in _runs(act):
        table[run] = Shelved(n=act.n, by=act.by, at=act.at)
    state.shelved_n = act.n
    return act.subject


def _take(state: State, act: Act, *, table: Table[str, Shelved]) -> str:
    for run in _runs(act):
        del table[run]
    state.shelved_n = act.n
    return act.subject


def _runs(act: Act) -> Sequence[str]:
    """Return the runs that an entry names: the first one is its subject."""
    kind, _colon, first = act.subject.partition(":")
    given = act.body["runs"]
    runs = act.texts("runs")
    is_plain = isinstance(given, list) and all(isinstance(one, str) for one in given)
    if kind != "run" or not runs or runs[0] != first or not is_plain:
        msg = f"{act.subject[:80]!r} does not name the runs that {act.action} is about."
        raise InvalidInputError(msg)
    if len(runs) > MOST_RUNS or len(set(runs)) != len(runs):
        msg = f"{act.action} names a run twice, or more than {MOST_RUNS:,}."
        raise InvalidInputError(msg, "Name each once; many go in several steps.")
    wrong = next((one for one in runs if not ids.is_id(one)), "")
    if wrong:
        msg = f"{wrong[:80]!r} is not a run."
        raise InvalidInputError(msg)
    return runs


def _need_absent(table: Mapping[str, Shelved], runs: Sequence[str], *, word: str) -> None:
    there = [one for one in runs if one in table]
    if there:
        msg = f"{_named(there)} {_be(there)} {word} already."
        raise ConflictError(msg, f"`modeldeck run list --{word}` shows what is.")


def _need_present(table: Mapping[str, Shelved], runs: Sequence[str], *, word: str) -> None:
    missing = [one for one in runs if one not in table]
    if missing:
        msg = f"{_named(missing)} {_be(missing)} not {word}."
        raise NotFoundError(msg, f"`modeldeck run list --{word}` shows what is.")


def _be(runs: Sequence[str]) -> str:
    return "is" if len(runs) == 1 else "are"


def _named(runs: Sequence[str]) -> str:
    """Return some runs as the beginning of a sentence."""
    names = ", ".join(ids.short(one) for one in runs[:_SHOWN])
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f"Run {names}" if len(runs) == 1 else f"Runs {names}{more}"
