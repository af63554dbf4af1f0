"""Where a run is kept, and opening it there: a new one, one that goes on, one that finds no room.

A *place* is a workspace, or a folder of runs that is in none (``offline:PATH``), which holds
months as the ``runs/`` of a workspace does and may be copied there.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from modeldeck import clock, ids
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError
from modeldeck.store import files
from modeldeck.store.described import resumes_of
from modeldeck.store.runs import LiveRun, RunStore, recall
from modeldeck.store.streams import Stream
from modeldeck.tracking.artifacts import begin
from modeldeck.tracking.losses import DISK_ERRORS, warn
from modeldeck.tracking.run import Run
from modeldeck.workspace import find_root

OFFLINE = "offline:"
_LAST_RESORT = "/dev/shm"  # noqa: S108 -- a folder of this user's own is made in it


class Place(NamedTuple):
    """A workspace's folder, or an offline one, and the folder of its months."""

    root: Path
    months: Path

    def folder(self, run_id: str) -> Path:
        """Return the folder of a run."""
        return Path(f"{self.months}/{ids.month_of(run_id)}/{run_id}")


def beside(run: Run) -> str:
    """Return the workspace to start another run with so that it is kept beside this one."""
    is_offline = run.folder.parents[1] == run.workspace
    return f"{OFFLINE}{run.workspace}" if is_offline else str(run.workspace)


def place_of(workspace: str | Path | None) -> Place:
    """Return where runs are kept.

    Raises
    ------
    NotFoundError
        There is no workspace.
    InvalidInputError
        ``offline:`` names no folder.
    """
    named = str(workspace or os.environ.get("MODELDECK_WORKSPACE", ""))
    if named.startswith(OFFLINE):
        path = named.removeprefix(OFFLINE)
        if not path:
            msg = "offline: names no folder."
            raise InvalidInputError(msg, 'Say where, such as workspace="offline:my-runs".')
        folder = Path(path).expanduser().absolute()
        return Place(folder, folder)
    return _known(named or os.getcwd(), bool(named))  # noqa: PTH109 -- once a run


@functools.cache
def _found(start: str, is_named: bool) -> Place:  # noqa: FBT001 -- a key of the cache
    root = find_root(start if is_named else None)
    return Place(root, root / "runs")


def _known(start: str, is_named: bool) -> Place:  # noqa: FBT001 -- as above
    """Return the place found before, as long as it is one."""
    place = _found(start, is_named)
    if not os.path.exists(f"{place.root}/modeldeck.toml"):  # noqa: PTH110 -- once a run
        _found.cache_clear()
        place = _found(start, is_named)
    return place


def opened(place: Place, begun: dict[str, Any], *, is_strict: bool, capture_output: bool) -> Run:
    """Open a new run in a place, or elsewhere when that cannot be written."""
    folder = place.folder(begun["id"])
    try:
        metrics: Stream | None = begin(folder, begun)
        root = place.root
    except (*DISK_ERRORS, InvalidInputError) as error:
        if is_strict:
            raise
        root, folder, metrics = _elsewhere(begun, why=error.message)
    return Run(root, folder, begun=begun, metrics=metrics, capture_output=capture_output)


def _elsewhere(begun: dict[str, Any], *, why: str) -> tuple[Path, Path, Stream | None]:
    """Begin a run in a temporary folder, or nowhere, and say so once."""
    for base in _bases():
        try:
            place = Place(base, base)
            folder = place.folder(begun["id"])
            metrics = begin(folder, begun)
        except (*DISK_ERRORS, InvalidInputError):
            continue
        _say_once(
            f"{why} The run goes on in {base}; bring it in with "
            f"`modeldeck run adopt {base}` when the workspace can be written again."
        )
        return base, folder, metrics
    _say_once(f"{why} There is no room elsewhere either: this run records nothing.")
    nowhere = Path(os.devnull)
    return nowhere, nowhere / begun["id"], None


@functools.cache
def _say_once(text: str) -> None:
    warn(text)


@functools.cache
def _bases() -> tuple[Path, ...]:
    """Return folders of this process's own in which runs may wait; made when first needed."""
    found = []
    for shared in (None, _LAST_RESORT):
        with contextlib.suppress(OSError):
            found.append(Path(tempfile.mkdtemp(prefix="modeldeck-offline-", dir=shared)))
    return tuple(found)


def resumed(
    typed: str,
    *,
    experiment: str,
    parameters: Mapping[str, object],
    about: Mapping[str, Any],
    place: Place,
    capture_output: bool,
) -> Run:
    """Open a run that has ended or was lost, so that it goes on.

    Raises
    ------
    NotFoundError, UsageError
        No run, or several, end so.
    ConflictError
        It is running, somebody else continues it just now, or a parameter had another value.
    InvalidInputError
        It is a run of another experiment.
    NotPermittedError, UnavailableError
        Its folder cannot be written.
    """
    store = RunStore(place.root, folder=place.months)
    run_id = ids.resolve(typed, store.ids(), what="run")
    folder = place.folder(run_id)
    live = recall(folder)
    if live is None:
        msg = f"Run {ids.short(run_id)} cannot be continued: it has no run.json."
        raise NotFoundError(msg, "Start another one.")
    begun = _as_it_was(live, run_id)
    if experiment not in {"", begun["experiment"]}:
        msg = f"Run {ids.short(run_id)} is of the experiment {begun['experiment']!r:.80}."
        raise InvalidInputError(msg, "Leave the experiment out, or start another run.")
    _need_same(begun["parameters"], parameters)
    n = _claim(store, run_id, about=about)
    begun |= {"pid": os.getpid(), "resumes": n, "host": about["host"]}
    run = Run(
        place.root,
        folder,
        begun=begun,
        metrics=Stream(folder / "metrics.jsonl"),
        step=live.last_step,
        capture_output=capture_output,
    )
    run.touch()
    return run


def _as_it_was(live: LiveRun, run_id: str) -> dict[str, Any]:
    """Return what a run's ``run.json`` said, with what it logged since."""
    empty = {"experiment": "", "name": "", "kind": "run", "parent": "", "started_at": ""}
    found = {**empty, **live.begun, "id": run_id}
    found |= {"parameters": live.parameters, "tags": live.tags}
    found["definitions"] = dict(live.summaries.definitions)
    if live.datasets:
        found["datasets"] = list(live.datasets)
    return found | ({"notes": list(live.notes)} if live.notes else {})


def _need_same(known: Mapping[str, object], new: Mapping[str, object]) -> None:
    for key, value in new.items():
        if key in known and known[key] != value:
            msg = f"Parameter {key} was {known[key]!r:.60}; it cannot become {value!r:.60}."
            raise ConflictError(msg, "Continue with the same value, or start another run.")


def _claim(store: RunStore, run_id: str, *, about: Mapping[str, Any]) -> int:
    """Become the one that continues a run; return which one that is."""
    folder = store.folder(run_id)
    run = store.document(run_id)
    claims = [path.name for path in folder.glob("resume-*.json")]
    if run["status"] == "running" and not _is_dead(store, run_id, claims=claims):
        msg = f"Run {ids.short(run_id)} is running."
        hint = "Stop it first, or wait: where nothing is heard of it for ten minutes it is lost."
        raise ConflictError(msg, hint)
    n = 1 + max([_number(name) for name in claims] + [resumes_of(store.end(run_id))])
    claim = {"v": 1, "at": clock.to_text(clock.utc_now()), "after": run["status"], **about}
    if not files.write_new(folder / f"resume-{n}.json", files.dumps(claim), mode=0o644):
        msg = f"Somebody else continues run {ids.short(run_id)} just now."
        raise ConflictError(msg, "Look at `modeldeck run list`.")
    mark = folder.with_name(f"{run_id}.resumed-{n}")
    try:
        mark.touch(mode=0o644)
    except OSError as error:
        raise files.write_error(error, mark) from error
    return n


def _number(name: str) -> int:
    digits = name.removeprefix("resume-").removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _is_dead(store: RunStore, run_id: str, *, claims: list[str]) -> bool:
    """Say whether the process of a run was one of this computer's, and is no more."""
    newest = max(claims, key=_number, default="run.json")
    who = store.read(run_id, newest)
    pid = who.get("pid")
    if who.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
