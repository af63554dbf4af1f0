"""The doctor on objects: whether they are there, whole, and where a missing one has a copy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from modeldeck.domain.entry import digest_of, is_digest
from modeldeck.domain.history.documents import DoctorLine
from modeldeck.domain.state import Activity
from modeldeck.errors import ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.services.upkeep import gc
from modeldeck.services.upkeep.report import (
    REPAIR,
    Exam,
    counted,
    mended,
    note,
    ok,
    owner_of,
    problem,
    repaired,
    stuck,
)
from modeldeck.services.verify import Verify
from modeldeck.store import closing, ledger
from modeldeck.store.objects import file_digest
from modeldeck.store.upkeep import trash

_ROUNDS = 4  # a manifest that comes back may name files that are missing too
_KEPT_IN = ("runs", "datasets", "endpoints")


def objects(exam: Exam) -> Iterator[DoctorLine]:
    """Hash every object, and bring back from copies what is damaged or missing."""
    store = exam.deck.objects
    damaged = {}
    count = 0
    for digest in store.digests():
        count += 1
        found = store.problem(digest, data=True)
        if found and found != "is missing":  # somebody collects garbage at this moment
            damaged[digest] = found
    wrong = _wrong(exam, damaged)
    if wrong and exam.is_repairing:
        copies = _Copies(exam)
        done: set[str] = set()
        for _round in range(_ROUNDS):
            fresh = {one: why for one, why in wrong.items() if one not in done}
            for digest, why in fresh.items():
                done.add(digest)
                yield _restored(exam, digest, why=why, copies=copies)
            wrong = _wrong(exam, {})
    else:
        for digest, why in wrong.items():
            yield _unrepaired(exam, digest, why=why)
    if not damaged and not wrong:
        yield ok("objects", f"{counted(count, 'object')} with the bytes that their names say.")
    yield from _strangers(exam)


def _unrepaired(exam: Exam, digest: str, *, why: str) -> DoctorLine:
    """Say what is wrong with an object; of a copy of a sound entry that is only worth a note.

    Nobody waits for the disk to have such a copy, so a loss of power may take its bytes.
    """
    name = f"object {digest[:12]}"
    with exam.deck.reading() as state:
        n = state.heads.get(digest, 0)
    with contextlib.suppress(ModelDeckError):
        if n and digest_of(ledger.read_file(exam.root, n)[0]) == digest:
            return note(name, f"{why} It is a copy of entry {n}, which is sound.", hint=REPAIR)
    return problem(name, why, hint=REPAIR)


def _wrong(exam: Exam, damaged: dict[str, str]) -> dict[str, str]:
    """Return the objects that are damaged or missing, with what that means."""
    found = {
        digest: f"The object {why.rstrip('.')}; it is not used." for digest, why in damaged.items()
    }
    with exam.deck.reading() as state:
        activity, is_stopped = state.activity, bool(state.stopped)
    if is_stopped:
        return found
    for one in Verify(exam.deck).run(data=bool(damaged))["problems"]:
        if one["kind"] == "object" and is_digest(one["digest"]):
            by = activity[one["n"] - 1]
            what = f"needed by entry {one['n']}, {by.action} {by.entity}"
            found[one["digest"]] = f"{one['problem'].rstrip('.')}: {what}."
    return found


def _restored(exam: Exam, digest: str, *, why: str, copies: _Copies) -> DoctorLine:
    name = f"object {digest[:12]}"
    store = exam.deck.objects
    source = copies.put(digest)
    if source:
        return repaired(name, f"{why} It was restored from {source}.")
    path = store.path(digest)
    if os.path.lexists(path) and not copies.is_needed(digest):
        return mended(
            exam,
            name,
            text=f"{why} No entry and no run names it.",
            mend=lambda: trash.aside(exam.root, path, now=exam.now),
            done="It was moved into the trash.",
        )
    owner = owner_of(path)
    whose = f" What lies there belongs to {owner}, who may have to remove it." if owner else ""
    hint = f"Restore {path} from a backup (its name is its SHA-256), or do again what made it."
    return stuck(name, f"{why} No intact copy is in this workspace.{whose}", hint=hint)


class _Copies:
    """Where the bytes of objects may still be: the trash, the ledger, what runs kept."""

    def __init__(self, exam: Exam) -> None:
        self.exam = exam
        self._kept: dict[str, Path] | None = None
        self._needed: set[str] | None = None

    def put(self, digest: str) -> str:
        """Store an object again from a copy; return from which, empty when there is none."""
        for path in self._files(digest):
            with contextlib.suppress(ModelDeckError):
                if file_digest(path) == digest and self._store(digest, path):
                    return str(path.relative_to(self.exam.root))
        return self._entry(digest) or self._manifest(digest)

    def _store(self, digest: str, path: Path) -> bool:
        store = self.exam.deck.objects
        return store.put_file(path)[0] == digest and not store.problem(digest, data=True)

    def _files(self, digest: str) -> Iterator[Path]:
        yield from trash.copies(self.exam.root, digest)
        if self._kept is None:
            self._kept = dict(_kept(self.exam.root))
        if digest in self._kept:
            yield self._kept[digest]

    def _entry(self, digest: str) -> str:
        """Store the bytes of an entry again, of which this object is the copy."""
        with self.exam.deck.reading() as state:
            n = state.heads.get(digest, 0)
        with contextlib.suppress(ModelDeckError):
            if n and self.exam.deck.objects.put(ledger.read_file(self.exam.root, n)[0]) == digest:
                return f"entry {n}"
        return ""

    def _manifest(self, digest: str) -> str:
        """Make a version's manifest again from its run, whose files have to be just the same."""
        deck = self.exam.deck
        with deck.reading() as state:
            found = [
                one
                for one in state.activity
                if one.action == "version.register" and one.body.get("manifest") == digest
            ]
        for one in found:
            with contextlib.suppress(ModelDeckError, OSError):
                if digest in _made_again(self.exam, one) and not deck.objects.problem(
                    digest, data=True
                ):
                    return f"the run {one.body['run']}"
        return ""

    def is_needed(self, digest: str) -> bool:
        """Say whether an entry or a run names an object, or that cannot be known."""
        if self._needed is None:
            try:
                self._needed = gc.marks(self.exam.deck)
            except ModelDeckError:
                return True
        return digest in self._needed


def _made_again(exam: Exam, one: Activity) -> set[str]:
    """Make a manifest with what the run's files hold now, and one that says nothing about them."""
    run = exam.deck.runs.folder(str(one.body["run"]))
    authors = one.body["authors"]
    return {
        manifests.make(
            exam.deck.objects,
            run / "artifacts" / "model",
            model=one.subject.partition(":")[2],
            run=str(one.body["run"]),
            authors=[str(name) for name in authors] if isinstance(authors, list) else [],
            records=records,
        )[0]
        for records in ({}, closing.closed(run))
    }


def _kept(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield what runs and data sets keep, by its SHA-256."""
    for name in _KEPT_IN:
        for folder, inner, names in os.walk(root / name):
            inner.sort()
            for one in sorted(names):
                path = Path(folder, one)
                with contextlib.suppress(ModelDeckError):
                    yield file_digest(path), path


def _strangers(exam: Exam) -> Iterator[DoctorLine]:
    """Name what lies among the objects and is none."""
    folder = exam.deck.objects.folder
    known = {exam.deck.objects.path(digest) for digest in exam.deck.objects.digests()}
    strange = [
        path
        for sub in sorted(folder.iterdir())
        for path in (sorted(sub.iterdir()) if sub.is_dir() and not sub.is_symlink() else [sub])
        if path not in known
    ]
    if strange:
        text = (
            f"{counted(len(strange), 'file')} among the objects that are none; first {strange[0]}."
        )
        yield note("objects", text, hint="Nothing uses them; look who made them, then remove them.")
