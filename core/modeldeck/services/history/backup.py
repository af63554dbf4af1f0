"""Backups of a live workspace, and restoring them: files, verified on the way.

A backup is a folder like a workspace: it can be opened, read and verified where it lies, and copied
back with ``cp`` or ``rsync`` as well. It holds the ledger up to one entry, every object that an
entry names, people's files, runs, and (unless left out) what servers wrote.

The first time the ledger is put together aside and appears whole and last: half a copy is no
workspace. Doing it again into the same folder adds what is new; a backup that holds an entry that
the workspace does not have is never overwritten: it is the witness of what was there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.entry import canonical, digest_of
from modeldeck.domain.history.documents import CopyDocument, VerifyProblem
from modeldeck.domain.levels import Level
from modeldeck.domain.state import State
from modeldeck.errors import (
    ConflictError,
    DamageError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    TamperingError,
    UnavailableError,
)
from modeldeck.services.base import removed as texts
from modeldeck.services.base.deck import Deck
from modeldeck.services.history import records
from modeldeck.services.history.copying import Copier, Item, Progress, Step, below
from modeldeck.services.history.records import Record
from modeldeck.services.verify import Verify
from modeldeck.store import files, ledger, places
from modeldeck.store.objects import named_in

PEOPLES = (places.CONFIG, "members.toml", "pipelines", "datasets", "runs")
LOGS = ("endpoints",)
_LOCK = f"{places.HIDDEN}/backup.lock"
_BEGUN = f"{places.HIDDEN}/copying.json"
_ASIDE = f"{places.HIDDEN}/incoming"
_LEDGER = f"{places.HIDDEN}/ledger"


def _quiet(_step: Step) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Plan:
    """What belongs into a copy: entries, objects, other files; and what is wrong with them."""

    state: State
    entries: list[Item]
    objects: list[Item]
    others: list[Item]
    left_out: list[str]
    problems: list[VerifyProblem]
    removed: set[str]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in (*self.entries, *self.objects, *self.others))


def backup(
    deck: Deck,
    target: Path,
    *,
    with_logs: bool = True,
    is_dry_run: bool = False,
    progress: Progress = _quiet,
) -> CopyDocument:
    """Copy a live workspace into a folder, as it is at one entry.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    target : Path
        A new or empty folder, or an earlier backup of the same workspace.
    with_logs : bool
        Whether servers' logs and prediction logs belong to it.
    is_dry_run : bool
        Only say what would be copied.
    progress : callable
        Told the bytes done, the bytes of all, and the next file.

    Returns
    -------
    CopyDocument
        ``problems`` names what is damaged or missing in the workspace itself; all else was copied.

    Raises
    ------
    InvalidInputError
        The folder is within the workspace, or holds something else.
    TamperingError
        The backup has an entry that the workspace does not have, or another one.
    UnavailableError
        There is no room, or the disk failed; do it again, and it goes on.
    """
    target = target.expanduser().absolute()
    made = plan(deck, with_logs=with_logs)
    _check_target(deck.root, target, workspace=made.state.workspace)
    _check_same_history(made, target)
    if not is_dry_run:
        _begin(target, made)
    state = made.state
    record = Record(
        workspace=state.workspace,
        n=state.n,
        head=state.head,
        at=clock.to_text(deck.now()),
        claimed=tuple(one.n for one in state.activity[1:] if one.level is Level.CLAIMED),
        n_void=sum(1 for one in state.activity if one.is_void),
        with_logs=with_logs,
    )
    return _copied(
        deck.root, target, made=made, is_dry_run=is_dry_run, progress=progress, record=record
    )


def restore(
    source: Path,
    target: Path,
    *,
    is_dry_run: bool = False,
    progress: Progress = _quiet,
) -> CopyDocument:
    """Copy a backup, or any copy of a workspace, into a new folder, verified on the way.

    Parameters
    ----------
    source, target : Path
        The copy; and a new or empty folder, or one in which restoring it was cut short.
    is_dry_run : bool
        Only say what would be copied.
    progress : callable
        Told the bytes done, the bytes of all, and the next file.

    Returns
    -------
    CopyDocument
        ``next`` are commands that an owner needs afterwards.

    Raises
    ------
    NotFoundError, DamageError
        The source is no copy of a workspace, or an unfinished one.
    ConflictError
        The target is a workspace already, and another one or further on.
    """
    source, target = source.expanduser().absolute(), target.expanduser().absolute()
    if not places.ledger_folder(source).is_dir():
        is_cut = (source / _BEGUN).exists()
        msg = f"{source} is {'an unfinished backup' if is_cut else 'no copy of a workspace'}."
        hint = "Make the backup again." if is_cut else "Name the folder that has .modeldeck in it."
        raise NotFoundError(msg, hint)
    deck = Deck(source, is_read_only=True)
    made = plan(deck, with_logs=True)
    if made.state.stopped or not made.state.n:
        msg = f"The ledger in {source} cannot be read to its end: {made.state.stopped}"
        raise DamageError(msg, "Restore another backup.")
    _check_target(source, target, workspace=made.state.workspace)
    try:
        _check_same_history(made, target)
    except TamperingError as error:
        raise ConflictError(error.message, error.hint) from None
    if not is_dry_run:
        _begin(target, made)
    record = records.read(source)
    found = _copied(
        source,
        target,
        made=made,
        is_dry_run=is_dry_run,
        progress=progress,
        record=record,
    )
    return found if is_dry_run else {**found, "next": _next(target, record)}


def _next(target: Path, record: Record | None) -> list[str]:
    """Return what an owner does after restoring, each as a command with its reason."""
    deck = Deck(target, is_read_only=True)
    with deck.reading() as state:
        n_void = sum(1 for one in state.activity if one.is_void)
        is_less = record is None or n_void > record.n_void or deck.ledger.owners_differ
        here = f"modeldeck -w {target}"
        found = [f"{here} ledger restore --reason TEXT   (an owner: outdates all open releases)"]
        if is_less and state.owners_count:
            found.insert(
                0, f"{here} ledger adopt --key FILE   (an owner: entries count by file owner again)"
            )
    return found


def plan(deck: Deck, *, with_logs: bool) -> Plan:
    """Return what belongs into a copy of a workspace, as it is at its newest entry."""
    with deck.reading():
        pass
    state = deck.state
    problems = [
        one
        for one in Verify(deck).run()["problems"]
        if one["kind"] not in {"history", "owner", "signature"}
    ]
    removed = texts.removed(deck.objects, state)
    left_out: list[str] = []
    names = (*PEOPLES, *(LOGS if with_logs else ()))
    others = [item for name in names for item in below(deck.root, name, left_out=left_out)]
    return Plan(
        state=state,
        entries=_entries(deck, state),
        objects=_objects(deck, state, removed=removed),
        others=others,
        left_out=left_out,
        problems=problems,
        removed=removed,
    )


def _entries(deck: Deck, state: State) -> list[Item]:
    """Return the entries; one whose file was replaced comes from the copy among the objects."""
    found = []
    for line in state.activity:
        path = ledger.entry_path(deck.root, line.n)
        name = path.relative_to(deck.root).as_posix()
        data = ledger.read_file(deck.root, line.n)[0]
        kept = "" if digest_of(data) == line.digest else _object(line.digest)
        found.append(Item(name, len(data), line.digest, kept))
    return found


def _object(digest: str) -> str:
    return f"{places.HIDDEN}/objects/{digest[:2]}/{digest}"


def _objects(deck: Deck, state: State, *, removed: set[str]) -> list[Item]:
    """Return every object that is there and that an entry needs, void ones included.

    Those are the copies from which entries are healed, what entries name, and what stands in that:
    a version's files, a data set's contents, the entries of another workspace.
    """
    entries = {*state.heads, *(one.wanted for one in state.breaks.values())}
    named: set[str] = set()
    for line in state.activity:
        named |= named_in(canonical(dict(line.body)))
    named = entries | deck.objects.reached(named, but=entries | removed)
    found = []
    for digest in sorted(named - removed):
        try:
            size = os.lstat(deck.root / _object(digest)).st_size
        except OSError:
            continue
        found.append(Item(_object(digest), size, digest))
    return found


def _check_target(root: Path, target: Path, *, workspace: str) -> None:
    """Refuse a folder that holds something else, or lies within what is copied."""
    real, inside = target.resolve(), root.resolve()
    if real == inside or inside in real.parents or real in inside.parents:
        msg = f"{target} and {root} lie within each other."
        raise InvalidInputError(msg, "Name a folder elsewhere.")
    if not target.exists():
        return
    if not target.is_dir():
        msg = f"{target} is a file."
        raise InvalidInputError(msg, "Name a folder.")
    if not any(target.iterdir()) or _begun(target) == workspace:
        return
    if places.ledger_folder(target).is_dir():
        try:
            same = digest_of(ledger.read_file(target, 1)[0]) == workspace
        except ModelDeckError:
            same = False
        if same:
            return
        msg = f"{target} holds another workspace."
        raise ConflictError(msg, "Name another folder.")
    msg = f"{target} is not empty, and no copy of this workspace."
    raise InvalidInputError(msg, "Name a new or an empty folder.")


def _begun(target: Path) -> str:
    try:
        return files.read_bytes(target / _BEGUN, 1 << 12).decode(errors="replace").strip()
    except ModelDeckError:
        return ""


def _check_same_history(made: Plan, target: Path) -> None:
    """Refuse to go on in a copy whose entries are not the first ones of this ledger."""
    if not places.ledger_folder(target).is_dir():
        return
    digests = {line.n: line.digest for line in made.state.activity}
    for n in ledger.numbers(target):
        data = ledger.read_file(target, n)[0]
        if digests.get(n) == digest_of(data):
            continue
        word = "is not in this ledger" if n not in digests else "is another one here"
        msg = f"Entry {n} in {target} {word}: nothing was copied."
        hint = f"`modeldeck ledger verify --against {target}` says more; keep both."
        raise TamperingError(msg, hint, n=n)


def _begin(target: Path, made: Plan) -> None:
    files.make_folder(target / places.HIDDEN)
    files.replace(target / _BEGUN, made.state.workspace.encode())
    free = shutil.disk_usage(target).free
    there = _bytes_there(target)
    if made.total - there > free:
        msg = f"{target} has room for {free:,} bytes; {made.total - there:,} are needed."
        raise UnavailableError(msg, "Free space, or name a folder on another disk.")


def _bytes_there(target: Path) -> int:
    known: list[str] = []
    names = (*PEOPLES, *LOGS, f"{places.HIDDEN}/objects", _LEDGER, _ASIDE)
    return sum(item.size for name in names for item in below(target, name, left_out=known))


def _copied(
    source: Path,
    target: Path,
    *,
    made: Plan,
    is_dry_run: bool,
    progress: Progress,
    record: Record | None,
) -> CopyDocument:
    found = CopyDocument(
        source=str(source),
        target=str(target),
        workspace=made.state.workspace,
        n=made.state.n,
        head=made.state.head,
        n_files=len(made.entries) + len(made.objects) + len(made.others),
        n_bytes=made.total,
        n_skipped=0,
        is_dry_run=is_dry_run,
        left_out=made.left_out,
        problems=[*made.problems],
        next=[],
    )
    if is_dry_run:
        return found
    with _alone(target):
        _fill(source, target, made=made, found=found, progress=progress, record=record)
    return found


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold a folder against a second copy into it; a killed one holds nothing."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(target / _LOCK, flags, 0o600)
    except OSError as error:
        raise files.write_error(error, target / _LOCK) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        msg = f"Somebody else copies into {target} just now."
        raise UnavailableError(msg, "Wait until that has ended, then do it again.") from None
    finally:
        files.close(descriptor)


def _fill(
    source: Path,
    target: Path,
    *,
    made: Plan,
    found: CopyDocument,
    progress: Progress,
    record: Record | None,
) -> None:
    copier = Copier(source, target, expected=records.listed(source))
    items = [*made.objects, *made.others, *_placed(target, made.entries)]
    done = copier.copy(items, total=made.total, progress=progress)
    for digest in made.removed:
        (target / _object(digest)).unlink(missing_ok=True)
    found["n_files"], found["n_bytes"] = done.n_files, done.n_bytes
    found["n_skipped"] = done.n_skipped
    lost = [one for one in done.problems if _LEDGER in one["problem"] or _ASIDE in one["problem"]]
    found["problems"] += done.problems
    if lost:
        msg = f"The ledger could not be copied: {lost[0]['problem']}."
        raise DamageError(msg, "`modeldeck ledger verify` says more.")
    _finish(target, digests=done.digests, record=record)


def _placed(target: Path, entries: list[Item]) -> list[Item]:
    """Return where entries go: into the ledger that is there, else aside until all are there."""
    if places.ledger_folder(target).is_dir():
        return entries
    return [
        Item(f"{_ASIDE}/{Path(one.path).name}", one.size, one.digest, one.source or one.path)
        for one in entries
    ]


def _finish(target: Path, *, digests: Mapping[str, tuple[int, str]], record: Record | None) -> None:
    """Let the ledger appear, then the record; every folder of a workspace is there then.

    Of a copy without a record none is written: who owned the original's files is not known.
    """
    os.sync()
    if (target / _ASIDE).is_dir() and not places.ledger_folder(target).is_dir():
        (target / _ASIDE).rename(places.ledger_folder(target))
    for folder in (places.tmp_folder(target), places.objects_folder(target)):
        files.make_folder(folder)
    for name in ("runs", "endpoints", "pipelines", "datasets"):
        files.make_folder(target / name)
    records.write_listed(target, digests)
    if record is not None:
        records.write(target, record)
    (target / _BEGUN).unlink(missing_ok=True)
    files.sync_folder(target / places.HIDDEN)
