"""The doctor on what programs write while they run: runs, streams, the catalogue."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from modeldeck.domain.history.documents import DoctorLine
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base import config
from modeldeck.services.upkeep.report import (
    Exam,
    counted,
    mended,
    note,
    ok,
    problem,
    repaired,
    stuck,
)
from modeldeck.store import files, views
from modeldeck.store.described import MAX_DOCUMENT
from modeldeck.store.upkeep import trash

_ENDED = ("finished", "failed", "cancelled")
_BEGUN = (
    "argv",
    "code",
    "definitions",
    "experiment",
    "host",
    "id",
    "kind",
    "name",
    "packages",
    "parameters",
    "parent",
    "pid",
    "python",
    "seed",
    "started_at",
    "tags",
    "user",
    "v",
)
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITER = re.compile(r"[a-z]+-(?P<host>.+)-(?P<pid>[0-9]+)-[0-9]+\.jsonl")
_SILENT_S = 86400.0
_STREAMS = ("metrics.jsonl", "output.log", "system.jsonl")
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}
_MOST_NAMED = 5


def configuration(exam: Exam) -> Iterator[DoctorLine]:
    """Look whether the configuration can be read; what counts is what the ledger adopted."""
    try:
        config.load(exam.root)
        config.load_members(exam.root)
    except ModelDeckError as error:
        hint = f"{error.hint} The adopted policy stays in force.".strip()
        yield problem("configuration", error.message, hint=hint)
    else:
        yield ok("configuration", "modeldeck.toml can be read.")


def catalogue(exam: Exam) -> Iterator[DoctorLine]:
    """Look at what this user's cache holds."""
    with exam.deck.reading() as state:
        n = state.n
    wrong = 0
    for name in ("catalogue.json", "runs.json"):
        path = exam.deck.cache / name
        found = views.snapshot_problem(path, n=n)
        if not found:
            continue
        wrong += 1
        text = f"{path}: {found.rstrip('.')}."
        if exam.is_repairing:
            with contextlib.suppress(OSError):
                path.unlink()
            yield repaired("catalogue", f"{text} It was removed, and is built anew.")
        else:
            yield note("catalogue", text, hint="It is built anew by itself; nothing is lost.")
    if not wrong:
        yield ok("catalogue", "What is cached for you fits.")


def runs(exam: Exam) -> Iterator[DoctorLine]:
    """Look at each run's documents and streams."""
    store = exam.deck.runs
    status = {one["id"]: one["status"] for one in store.documents()}
    wrong, lost = 0, []
    for run_id in store.ids():
        for line in _run(exam, run_id, status=status.get(run_id, "")):
            wrong += 1
            yield line
        if status.get(run_id) == "lost":
            lost.append(run_id)
    if lost:
        some = ", ".join(lost[-_MOST_NAMED:])
        text = f"{counted(len(lost), 'lost run')}, stopped without a word: {some}."
        yield note(
            "runs", text, hint="What they logged is there; a lost run that goes on runs again."
        )
    if not wrong:
        yield ok("runs", f"{counted(len(status), 'run')} can be read.")


def _run(exam: Exam, run_id: str, *, status: str) -> Iterator[DoctorLine]:
    folder = exam.deck.runs.folder(run_id)
    name = f"run {run_id}"
    about = exam.deck.runs.about(run_id)
    has_end = os.path.lexists(folder / "end.json")
    end = about.get("end")
    is_ended = isinstance(end, dict) and end.get("status") in _ENDED
    if has_end and not is_ended:
        yield _end(exam, name, folder=folder, run_id=run_id)
    elif not has_end and status == "lost":
        yield from _end_on_its_way(exam, name, folder=folder, run_id=run_id)
    if "run" not in about:
        end_now = end if isinstance(end, dict) and is_ended else None
        yield from _begin(exam, name, folder=folder, end=end_now)
    begun = about.get("run")
    is_over = is_ended or (status == "lost" and _is_dead(begun if isinstance(begun, dict) else {}))
    yield from _unreadable(name, folder=folder, end=end if isinstance(end, dict) else {})
    if is_over:
        yield from _torn(exam, name, paths=sorted(folder.glob("*.jsonl")))


def _unreadable(name: str, *, folder: Path, end: Mapping[str, object]) -> Iterator[DoctorLine]:
    """Name streams that are no files, and metrics that are gone though the run's end has some."""
    for stream in _STREAMS:
        path = folder / stream
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            known = end.get("metrics")
            count = len(known) if stream == _STREAMS[0] and isinstance(known, dict) else 0
            if count:
                text = f"Its {stream} is missing, though it logged {counted(count, 'metric')}."
                hint = f"Restore {path} from a backup; end.json has the last values only."
                yield stuck(name, text, hint=hint)
            continue
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "a device")
            hint = f"Remove {path}, and restore the file from a backup."
            yield stuck(name, f"Its {stream} is {kind}, no file: it is not read.", hint=hint)


def _left_end(folder: Path, run_id: str) -> tuple[Path, bytes] | None:
    """Return the end of a run that was written whole and killed before it appeared."""
    for path in sorted(folder.glob(".end.json-*.tmp")):
        with contextlib.suppress(ModelDeckError, ValueError, RecursionError):
            data = files.read_bytes(path, MAX_DOCUMENT)
            value = json.loads(data)
            whole = isinstance(value, dict) and data.endswith(b"\n")
            if whole and value.get("id") == run_id and value.get("status") in _ENDED:
                return path, data
    return None


def _end(exam: Exam, name: str, *, folder: Path, run_id: str) -> DoctorLine:
    text = "Its end.json is damaged: how it ended, and its summaries, are not known."
    left = _left_end(folder, run_id)
    if left is None:
        hint = (
            f"Restore {folder / 'end.json'} from a backup. Its metrics and output are whole; "
            "without end.json it shows as running, then lost."
        )
        return stuck(name, text, hint=hint)
    return mended(
        exam,
        name,
        text=text,
        mend=lambda: _put(exam, folder / "end.json", data=left[1]),
        done="It was put back from a copy that was left on its way.",
    )


def _end_on_its_way(exam: Exam, name: str, *, folder: Path, run_id: str) -> Iterator[DoctorLine]:
    left = _left_end(folder, run_id)
    if left is None:
        return

    def mend() -> None:
        files.move(left[0], folder / "end.json")

    text = "It ended, and was killed before its end.json appeared."
    yield mended(exam, name, text=text, mend=mend, done="Its end.json was put in place.")


def _begin(
    exam: Exam, name: str, *, folder: Path, end: Mapping[str, object] | None
) -> Iterator[DoctorLine]:
    path = folder / "run.json"
    what = "damaged" if os.path.lexists(path) else "missing"
    if end is not None:
        data = files.dumps({key: end[key] for key in _BEGUN if key in end})
        yield mended(
            exam,
            name,
            text=f"Its run.json is {what}; end.json repeats it.",
            mend=lambda: _put(exam, path, data=data),
            done="It was written again from there.",
        )
    elif what == "missing" and not any(folder.iterdir()):
        yield from _empty(exam, name, folder=folder)
    else:
        hint = f"Restore {path} from a backup, or remove the folder if nobody misses it."
        yield stuck(name, f"Its run.json is {what}: the run cannot be shown.", hint=hint)


def _empty(exam: Exam, name: str, *, folder: Path) -> Iterator[DoctorLine]:
    """Remove a folder whose maker was killed before anything was in it."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > files.LEFT_BEHIND_S:
            text = "Its folder is empty: it was killed before it began."
            yield mended(exam, name, text=text, mend=folder.rmdir, done="It was removed.")


def _put(exam: Exam, path: Path, *, data: bytes) -> None:
    """Write a document of a run; what lies in its place goes into the trash."""
    if os.path.lexists(path):
        trash.aside(exam.root, path, now=exam.now)
    if not files.write_new(path, data, mode=0o644):
        msg = f"{path} appeared meanwhile."
        raise DamageError(msg, "Look again.")


def _is_dead(begun: Mapping[str, object]) -> bool:
    """Say whether the process that wrote a run is surely gone; only its own computer knows."""
    pid = begun.get("pid")
    is_here = begun.get("host") == socket.gethostname()
    return is_here and isinstance(pid, int) and not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def streams(exam: Exam) -> Iterator[DoctorLine]:
    """Look at what servers wrote: streams whose writer is gone and whose last record is torn."""
    paths = sorted((exam.root / "endpoints").glob("*/*/*.jsonl"))
    host = socket.gethostname()
    over = []
    for path in paths:
        writer = _WRITER.fullmatch(path.name)
        is_here = writer is not None and writer["host"] == host
        is_gone = is_here and writer is not None and not _lives(int(writer["pid"]))
        if is_gone or (not is_here and _is_silent(path)):
            over.append(path)
    torn = list(_torn(exam, "prediction logs", paths=over))
    yield from torn
    if paths and not torn:
        yield ok(
            "prediction logs",
            f"{counted(len(paths), 'stream')} with whole records, or being written.",
        )


def _is_silent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _SILENT_S
    except OSError:
        return False


def _torn(exam: Exam, name: str, *, paths: list[Path]) -> Iterator[DoctorLine]:
    for path in paths:
        if _is_torn(path):
            yield mended(
                exam,
                name,
                text=f"{path.name} ends in a torn record: its writer was killed.",
                mend=lambda path=path: _close(path),  # type: ignore[misc]  # the loop's path now
                done="It was closed; readers skip it.",
                hint=f"The owner of {path} runs `modeldeck doctor --repair`.",
            )


def _is_torn(path: Path) -> bool:
    try:
        descriptor = files.open_regular(path)
    except ModelDeckError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    finally:
        files.close(descriptor)


def _close(path: Path) -> None:
    descriptor = os.open(path, _APPEND)
    try:
        os.write(descriptor, b"\n")
        os.fdatasync(descriptor)
    finally:
        files.close(descriptor)
