"""The doctor on the ledger: the chain, its copies, and what was seen of it before."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from modeldeck.domain.entry import read_entry
from modeldeck.domain.history.documents import DoctorLine
from modeldeck.errors import ModelDeckError
from modeldeck.services.upkeep.report import (
    REPAIR,
    Exam,
    account,
    counted,
    mended,
    note,
    ok,
    problem,
    repaired,
    stuck,
    tampering,
    unseen,
)
from modeldeck.store import files, places, witness
from modeldeck.store.ledger import Ledger, entry_path, numbers, read_file
from modeldeck.store.upkeep import mending

READ_ONLY = 0o444
_VERIFY = "`modeldeck ledger verify` names each thing; ask who changed it, or restore a backup."


def entries(exam: Exam) -> Iterator[DoctorLine]:
    """Walk the chain from its end and heal entries from the copies that later writers kept."""
    known = _seen(exam.root)
    seen = known or (0, "")
    against = mending.contradiction(exam.root, seen=seen)
    if against:
        yield tampering("ledger", f"History was rewritten: {against}.", hint=_VERIFY)
        return
    with exam.deck.reading() as state:
        settled = {one.n for one in state.breaks.values() if one.acknowledged}
    found = mending.look(exam.root, seen=seen)
    broken = [one for one in found if one.n not in settled]
    for one in broken:
        yield _entry(exam, one, seen=seen)
    if not broken:
        yield from _folded(exam)


def _seen(root: Path) -> tuple[int, str] | None:
    """Return the head remembered of this workspace, also where its first entry is damaged."""
    for n in [*reversed(numbers(root)[-3:]), 1]:
        with contextlib.suppress(ModelDeckError):
            entry = read_entry(read_file(root, n)[0])
            found = witness.seen(entry.workspace or entry.digest)
            return None if found is None else found[:2]
    return 0, ""


def _entry(exam: Exam, one: mending.Broken, *, seen: tuple[int, str]) -> DoctorLine:
    name = f"ledger entry {one.n}"
    who = f" Its file belongs to {account(one.owner)}." if one.owner is not None else ""
    text = f"Entry {one.n} {one.text.rstrip('.')}; nothing is recorded until that is mended.{who}"
    against = mending.reason_against(exam.root, one, seen=seen)
    if not against:
        done = "It was put back from the copy that the next writer kept."
        return mended(
            exam,
            name,
            text=text,
            mend=lambda: mending.heal(exam.root, one, now=exam.now),
            done=done,
        )
    hint = f"Restore {entry_path(exam.root, one.n)} from a backup"
    hint += f"; its SHA-256 is {one.wanted}." if one.wanted else _if_none(exam.root, one, seen=seen)
    if one.data:
        hint = f"Its bytes are in the object {one.wanted}: {_by_whom(one)}"
    text = f"{text} It cannot be put back here: {against}."
    is_cut_off = one.owner is None and one.n > max(numbers(exam.root), default=0)
    if one.kind == mending.CHANGED or is_cut_off:
        return tampering(name, text, hint=hint)
    return stuck(name, text, hint=hint)


def _if_none(root: Path, one: mending.Broken, *, seen: tuple[int, str]) -> str:
    """Say what to do where a file may be none: it is no entry, or far beyond the last one seen."""
    if one.owner is not None and one.n > max(seen[0], 1):
        return (
            f". If nobody has a copy, and nobody's `modeldeck ledger anchor` names entry {one.n}, "
            f"it never was one: {account(one.owner)} or the folder's owner moves that file away."
        )
    last = next((n for n in reversed(numbers(root)) if n < one.n), 0)
    beyond = next((n for n in numbers(root) if n > one.n), 0)
    if one.owner is not None or not beyond or seen[0] > last:
        return "."
    return (
        f". If nobody ever saw more than {counted(last, 'entry')}, what lies at "
        f"{entry_path(root, beyond)} is none: its owner removes it."
    )


def _by_whom(one: mending.Broken) -> str:
    if one.owner is not None:
        return f"let {account(one.owner)}, or root, run `modeldeck doctor --repair`."
    by = read_entry(one.data).by
    return f"an owner decides whether {by} wrote it, and copies it there as {by}'s account."


def _folded(exam: Exam) -> Iterator[DoctorLine]:
    """Say what a fresh reading of the whole ledger comes to."""
    ledger = Ledger(exam.root, exam.deck.verifier)
    seen = witness.seen(exam.deck.state.workspace)
    ledger.refresh()
    state = ledger.state
    if not state.n and not state.stopped:
        yield stuck(
            "ledger", "There are no entries.", hint="Restore .modeldeck/ledger from a backup."
        )
        return
    if state.stopped:
        yield tampering("ledger", state.stopped, hint=_VERIFY)
        return
    history = witness.against(state, seen)
    if history:
        yield tampering("ledger", history, hint=_VERIFY)
        return
    void = sum(1 for one in state.activity if one.is_void)
    forged = sum(1 for one in state.activity if "signature does not verify" in one.reason)
    some = f", {void} of them void" if void else ""
    yield ok(
        "ledger", f"The chain holds: {counted(state.n, 'entry')}{some}; head {state.head[:16]}."
    )
    if forged:
        text = f"{counted(forged, 'void entry')} with a signature that does not verify."
        yield note("ledger", text, hint="`modeldeck activity` shows whose name they carry.")
    yield from _owners(ledger)


def _owners(ledger: Ledger) -> Iterator[DoctorLine]:
    if ledger.owners_differ and ledger.state.owners_count:
        text = "Entry 1 belongs to another account than it records: owners of files say nothing."
        hint = (
            "That is so for a copy or a restored backup; where owners count, give the files back "
            "to their accounts (`cp -a`, `tar --same-owner`), or work with signatures."
        )
        yield note("ledger owners", text, hint=hint)


def copies(exam: Exam) -> Iterator[DoctorLine]:
    """Look whether every entry but the last has a copy from which it can be healed."""
    deck = exam.deck
    with deck.reading() as state:
        wanted = [(one.n, one.digest) for one in state.activity[:-1]]
        if state.stopped:
            return
    missing = [(n, digest) for n, digest in wanted if not files.is_there(deck.objects.path(digest))]
    if not missing:
        yield ok("ledger copies", f"{counted(len(wanted), 'entry')} can be healed from a copy.")
        return
    text = f"{counted(len(missing), 'entry')} without a copy to be healed from."
    if not exam.is_repairing:
        yield note("ledger copies", text, hint="`modeldeck doctor --repair` makes them.")
        return
    for n, _digest in missing:
        deck.ledger.keep(n)
    yield repaired("ledger copies", f"{text} They were made.")


def modes(exam: Exam) -> Iterator[DoctorLine]:
    """Look whether entries and objects are read-only."""
    for name, paths in (("ledger modes", _entries(exam)), ("object modes", _objects(exam))):
        wrong, count = [], 0
        for path in paths:
            with contextlib.suppress(OSError):
                count += 1
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) != READ_ONLY:
                    wrong.append(path)
        if wrong:
            yield _chmod(exam, name, paths=wrong)
        elif count:
            yield ok(name, f"{counted(count, 'file')}, read-only.")


def _entries(exam: Exam) -> list[Path]:
    return [entry_path(exam.root, n) for n in numbers(exam.root)]


def _objects(exam: Exam) -> list[Path]:
    return [exam.deck.objects.path(digest) for digest in exam.deck.objects.digests()]


def _chmod(exam: Exam, name: str, *, paths: list[Path]) -> DoctorLine:
    text = f"{counted(len(paths), 'file')} with another mode than 0444: read-only, for everybody."

    def mend() -> None:
        failed = ""
        for path in paths:
            try:
                path.chmod(READ_ONLY)
            except OSError:
                failed = failed or str(path)
        still = [path for path in paths if stat.S_IMODE(os.lstat(path).st_mode) != READ_ONLY]
        if still:
            raise files.write_error(PermissionError(1, "its owner has to"), still[0])

    hint = f"Their owner runs `chmod 444`; the first is {paths[0]}."
    return mended(exam, name, text=text, mend=mend, done="They were made read-only.", hint=hint)


def memory(exam: Exam) -> Iterator[DoctorLine]:
    """Look at what this user remembers of the ledger, outside of the workspace."""
    with exam.deck.reading() as state:
        workspace, n, is_stopped = state.workspace, state.n, bool(state.stopped)
        heads = {*state.heads}
    path = witness.path_of(workspace)
    name = "remembered head"
    try:
        seen = witness.seen(workspace)
    except ModelDeckError as error:
        yield unseen(name, error)
        return
    if seen is None:
        text = f"{path} is damaged: whether history was cut off or rewritten cannot be told."
        if is_stopped or not exam.is_repairing:
            yield problem(name, text, hint=REPAIR)
            return
        with exam.deck.reading() as state:
            witness.remember(state)
        now = f"From now on entry {n} is remembered; compare its head with a colleague's."
        yield repaired(name, f"{text} {now}", hint="`modeldeck ledger verify` prints the head.")
    elif seen[0] == 0:
        yield note(name, "No head of this workspace is remembered yet; from now on one is.")
    elif seen[1] in heads:
        yield ok(name, f"Entry {seen[0]} was seen here before, and is the same.")
    else:
        text = f"Entry {seen[0]} was seen here before, with the head {seen[1]}."
        yield note(name, text, hint="The ledger's line says what is there now.")


def tmp(exam: Exam) -> Iterator[DoctorLine]:
    """Look for files that were left on their way."""
    folder = places.tmp_folder(exam.root)
    if not folder.is_dir():

        def mend() -> None:
            files.make_folder(folder)

        text = "The folder of files on their way is missing: nothing can be recorded."
        yield mended(exam, "leftovers", text=text, mend=mend, done="It was made.")
        return
    left = files.left_behind(folder)
    if not left:
        yield ok("leftovers", "Nothing of yours was left on its way.")
    elif exam.is_repairing:
        files.sweep(folder)
        yield repaired(
            "leftovers",
            f"{counted(len(left), 'file')} left on the way by a program that was killed: removed.",
        )
    else:
        text = (
            f"{counted(len(left), 'file')} of yours left on the way by a program that was killed."
        )
        yield note(
            "leftovers", text, hint="They do no harm; the next writer, or --repair, removes them."
        )
