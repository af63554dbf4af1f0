"""Looking at a store of MLflow before anything is imported.

Its runs are imported, without their artifacts, into a workspace in this user's cache, which is
brought up to date whenever the store has changed since; it is shown read-only. It may be deleted at
any time. A store in which ended runs were changed is imported anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.services.demo import default_person
from modeldeck.services.founding import init
from modeldeck.services.moving.experiments import slug_of
from modeldeck.services.moving.importing import Importing
from modeldeck.services.moving.reading import locating
from modeldeck.services.moving.reading.values import Source
from modeldeck.store import files, places

FOLLOW_EVERY_S = 2.0
"""How often an open screen looks whether a store changed."""

_MAX_MARK = 1 << 20
_FOLLOWED: dict[Path, float] = {}


def shown(path: Path, *, is_below: Callable[[Path], object]) -> tuple[Path, str] | None:
    """Return the workspace in the cache that shows a store, and the store; None if there is none.

    Parameters
    ----------
    path : Path
        What was named: a folder of experiments, a database, or the folder of either.
    is_below : callable
        Raises NotFoundError where a path is in no workspace; below one, only a store itself is
        shown.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        The store cannot be read, or the cache not be written.
    """
    named = path.expanduser().absolute()
    is_store = locating.is_folder_of_runs(named) if named.is_dir() else named.suffix == ".db"
    if not is_store and named.exists():
        try:
            is_below(named)
        except NotFoundError:
            is_store = locating.looks_like_mlflow(named)
    return (opened(named), str(named)) if is_store and named.exists() else None


def opened(path: Path) -> Path:
    """Return the workspace in the cache that shows a store, brought up to date.

    Raises
    ------
    NotFoundError, InvalidInputError
        There is no such store.
    NotPermittedError, DamageError, UnavailableError
        It cannot be read, or the cache not be written.
    """
    source = locating.open_source(path)
    try:
        where = _where(source)
        folder = places.user_cache("mlflow") / hashlib.sha256(os.fsencode(where)).hexdigest()[:16]
        files.make_folder(folder)
        with _alone(folder):
            _bring_up_to_date(source, folder, where=where)
        return folder / "workspace"
    finally:
        source.close()


def follow(path: Path) -> None:
    """Bring what shows a store up to date, at most every two seconds; it may fail for now."""
    now = time.monotonic()
    if now - _FOLLOWED.get(path, 0.0) >= FOLLOW_EVERY_S:
        _FOLLOWED[path] = now
        with contextlib.suppress(ModelDeckError, OSError):
            opened(path)


def _where(source: Source) -> Path:
    path = getattr(source, "path", None)
    base = getattr(source, "base", ())
    return path if isinstance(path, Path) else source.tree.root.joinpath(*base)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time bring a copy up to date."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise files.write_error(error, folder / "lock") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        files.close(descriptor)


def _bring_up_to_date(source: Source, folder: Path, *, where: Path) -> None:
    mark = folder / "seen.json"
    seen = fingerprint(where)  # first: what changes while it is read is read again next time
    root = folder / "workspace"
    try:
        if root.is_dir() and json.loads(files.read_bytes(mark, _MAX_MARK)) == seen:
            return
    except (ModelDeckError, ValueError):
        pass
    if not _taken(source, root, where=where):
        shutil.rmtree(root, ignore_errors=True)
        _taken(source, root, where=where)
    files.replace(mark, files.dumps(seen))


def _taken(source: Source, root: Path, *, where: Path) -> bool:
    """Import what is new; say whether what had been imported before is still right."""
    person = default_person()
    if not (root / places.HIDDEN).is_dir():
        shutil.rmtree(root, ignore_errors=True)
        own = where.parent.name if where.name in {"mlruns", "mlflow.db"} else where.stem
        init(root, owner=person, name=slug_of(f"mlflow-{own}"), trust="claimed")
    importing = Importing(
        Deck(root, user=person),
        source,
        narrate=lambda _text: None,
        with_artifacts=False,
        is_durable=False,
    )
    importing.take()
    gone = importing.deck.runs.ids() != sorted(set(importing.known.values()))
    return not gone and not any(
        one["what"].startswith("changes of ") for one in importing.took.skipped
    )


def fingerprint(where: Path) -> str:
    """Return a digest of when everything but artifacts changed last, without opening any of it."""
    found = hashlib.sha256()
    if not where.is_dir():
        for suffix in ("", "-wal"):
            with contextlib.suppress(OSError):
                status = os.lstat(f"{where}{suffix}")
                found.update(f"{suffix} {status.st_mtime_ns} {status.st_size}\n".encode())
        return found.hexdigest()
    pending = [str(where)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as listing:
            for item in sorted(listing, key=lambda one: one.name):
                if item.is_dir(follow_symlinks=False):
                    if item.name not in {"artifacts", "traces"}:
                        pending.append(item.path)
                    continue
                status = item.stat(follow_symlinks=False)
                line = f"{item.path} {status.st_mtime_ns} {status.st_size}\n"
                found.update(line.encode("utf-8", "surrogateescape"))
    return found.hexdigest()
