"""The doctor on what is around a workspace: disk, clock, events, accounts, programs."""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.history.documents import DoctorLine
from modeldeck.domain.levels import Level
from modeldeck.errors import ModelDeckError, NotPermittedError, UnavailableError
from modeldeck.services.base.deck import MAX_CLOCK_BEHIND
from modeldeck.services.base.identity import signer_for
from modeldeck.services.upkeep import sharing
from modeldeck.services.upkeep.report import (
    Exam,
    account,
    counted,
    mended,
    note,
    ok,
    problem,
    unseen,
)
from modeldeck.store import files, filesystems, places
from modeldeck.watch import event_problem

LIBRARIES = ("scikit-learn", "skops", "polars", "textual", "tinydb", "watchdog")
_LEAST_FREE = 64 << 20
_LITTLE_FREE = 1 << 30
_SKEW_S = 60.0
_INOTIFY = Path("/proc/sys/fs/inotify")


def file_system(exam: Exam) -> Iterator[DoctorLine]:
    """Tell what the workspace lies on, and whether locks and events are to be had there."""
    system = filesystems.of(exam.root)
    if system.is_local:
        yield ok("file system", f"The workspace lies on {system.type}, a disk of this computer.")
    else:
        text = f"{system.polls_because[0].upper()}{system.polls_because[1:]}."
        hint = "Changes are looked for twice a second, and writers queue at no lock: nothing to do."
        yield note("file system", text, hint=hint)
        return
    wrong = filesystems.lock_problem(places.tmp_folder(exam.root))
    if wrong:
        text = f"Locks do not work here: {wrong}. Writers race, and nothing is lost by that."
        yield note("locks", text, hint="Nothing to do.")
    else:
        yield ok("locks", "flock holds; it only keeps writers from racing in vain.")
    yield _events(places.ledger_folder(exam.root))


def _events(folder: Path) -> DoctorLine:
    limits = ", ".join(
        f"{name} {_number(_INOTIFY / name)}" for name in ("max_user_instances", "max_user_watches")
    )
    wrong = event_problem(folder)
    if not wrong:
        return ok("events", f"The system tells about changes ({limits}).")
    text = f"The system does not tell about changes: {wrong} ({limits})."
    hint = (
        "Changes are looked for twice a second instead. Root can raise the limits: "
        "`sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=65536`."
    )
    return note("events", text, hint=hint)


def _number(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"


def space(exam: Exam) -> Iterator[DoctorLine]:
    """Look whether there is room left, in bytes and in files."""
    try:
        free = shutil.disk_usage(exam.root).free
        system = os.statvfs(exam.root)
    except OSError as error:
        yield unseen("space", error)
        return
    text = f"{free / 1e9:.1f} GB are free"
    few_files = system.f_files > 0 and system.f_favail < 1000
    if free < _LEAST_FREE or few_files:
        some = f"{text}, room for {system.f_favail:,} files." if few_files else f"{text}."
        yield problem("space", some, hint="Free some: `modeldeck gc` shows what nobody needs.")
    elif free < _LITTLE_FREE:
        yield note(
            "space", f"{text}; runs pause their records on a full disk.", hint="Free some soon."
        )
    else:
        yield ok("space", f"{text}.")


def clocks(exam: Exam) -> Iterator[DoctorLine]:
    """Compare this computer's clock with the ledger's last entry and with the disk's."""
    with exam.deck.reading() as state:
        last = state.activity[-1] if state.activity else None
    now = exam.now
    wrong = 0
    if last is not None and clock.from_text(last.at) - now > MAX_CLOCK_BEHIND:
        wrong += 1
        ahead = (clock.from_text(last.at) - now).total_seconds() / 60
        text = f"Entry {last.n} of {last.host} is dated {ahead:,.0f} minutes in the future."
        hint = "Set this computer's clock, or that one's (`timedatectl`); votes are refused here."
        yield problem("clock", text, hint=hint)
    try:
        skew = _disk_skew_s(places.tmp_folder(exam.root))
    except NotPermittedError:
        text = "It was not compared with the disk's: that takes a file, and you cannot write here."
        yield note("clock", text, hint="Somebody who can write here runs the doctor.")
        return
    except (ModelDeckError, OSError) as error:
        yield unseen("clock", error)
        return
    if abs(skew) > _SKEW_S:
        wrong += 1
        where = "ahead of" if skew > 0 else "behind"
        text = f"The clock of the disk is {abs(skew):,.0f} s {where} this computer's."
        yield problem(
            "clock", text, hint="Set both by NTP: runs look lost, or young, when they are not."
        )
    if not wrong:
        yield ok("clock", "It agrees with the ledger's last entry and with the disk.")


def _disk_skew_s(tmp: Path) -> float:
    """Return how much the time of a file just written is ahead of this computer's, in seconds."""
    with files.private_folder(tmp) as folder:
        before = time.time()
        path = files.write_temporary(folder, b"tick", mode=0o600)
        try:
            written = path.stat().st_mtime
        finally:
            path.unlink()
        after = time.time()
    if before - 1 <= written <= after + 1:  # file systems keep times coarsely
        return 0.0
    return written - after if written > after else written - before


def identity(exam: Exam) -> Iterator[DoctorLine]:
    """Tell who acts here, and whether there is a key where one is needed."""
    deck = exam.deck
    try:
        actor = deck.actor
    except ModelDeckError as error:
        yield problem("identity", error.message, hint=error.hint)
        return
    member = deck.member
    who = f"{actor.name}, account {account(os.geteuid())} on {actor.host}"
    if member is None:
        hint = f"An owner adds you: `modeldeck member add {actor.name} --uid {os.geteuid()}`."
        yield note("identity", f"You are {who}, and no member here: you can look.", hint=hint)
        return
    if member.uid >= 0 and member.uid != os.geteuid() and deck.state.owners_count:
        text = f"You are {who}; {actor.name} is recorded with another account ({member.uid})."
        yield note("identity", text, hint="Your entries are only claimed; act from that account.")
    else:
        yield ok("identity", f"You are {who}.")
    yield _key(exam)


def _key(exam: Exam) -> DoctorLine:
    deck = exam.deck
    is_asked = deck.state.policy.strictest == Level.SIGNED
    signer = signer_for(deck.state, deck.actor)
    if signer is not None:
        return ok("key", f"A key of yours was found: {signer.fingerprint}.")
    if not is_asked:
        return ok("key", "None was found; none is asked for here.")
    hint = "Name it with --key FILE or MODELDECK_KEY, or add it to ssh-agent (`ssh-add`)."
    if deck.member is not None and not deck.member.keys:
        hint = "An owner records one for you: `modeldeck member add NAME --public-key FILE`."
    return problem("key", "Signatures are asked for, and no key of yours was found.", hint=hint)


def permissions(exam: Exam) -> Iterator[DoctorLine]:
    """Tell who can write here, and whether a shared folder is still set up as it should be."""
    root = exam.root
    ledger = places.ledger_folder(root)
    status = ledger.stat()
    owner, mode = account(status.st_uid), stat.S_IMODE(status.st_mode)
    whose = f"The ledger belongs to {owner}, group {sharing.group_of(root)}, mode {mode:04o}"
    because = exam.deck.read_only_because
    if mode & stat.S_IWOTH:
        text = f"{whose}: everybody on this computer can write there."
        yield problem("permissions", text, hint=f"Its owner runs `chmod o-w {ledger}`.")
    elif sharing.is_shared(root):
        yield from _shared(exam, whose)
    elif mode & stat.S_IWGRP and not mode & stat.S_ISVTX:
        hint = f"Its owner runs `chmod 3775 {ledger}` (and the objects'), or `init --group` anew."
        text = f"{whose}: each of the group can change what the others wrote."
        yield note("permissions", text, hint=hint)
    else:
        yield ok("permissions", f"{whose}: {owner} alone can write there.")
    if because:
        yield note("writing", f"You cannot write here: {because.rstrip('.')}.")


def _shared(exam: Exam, whose: str) -> Iterator[DoctorLine]:
    root = exam.root
    wrong = sharing.problems(root)
    if wrong:
        first = wrong[0]
        text = (
            f"{counted(len(wrong), 'folder')} without the mode or group that sharing needs; "
            f"{first.path} has {first.mode:04o} instead of {first.wanted:04o}."
        )
        owner = account(first.path.lstat().st_uid)
        yield mended(
            exam,
            "permissions",
            text=text,
            mend=lambda: sharing.mend(root),
            done="They have them again.",
            hint=f"Let {owner}, or root, run `modeldeck doctor --repair`.",
        )
    else:
        yield ok("permissions", f"{whose}: shared, and guarded by the sticky bit.")
    closed = sharing.unreachable(root)
    if closed is not None:
        text = f"Others of the group cannot come here: {closed} lets them not pass."
        yield note(
            "permissions", text, hint=f"Its owner runs `chmod o+x {closed}`, or move the folder."
        )


def versions(exam: Exam) -> Iterator[DoctorLine]:
    """Tell the versions of what matters."""
    found = [f"Python {platform.python_version()}"]
    for name in ("modeldeck", *LIBRARIES):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} (not installed as a package)")
    yield ok("versions", ", ".join(found) + ".")
    if shutil.which("ssh-keygen") is None:
        with exam.deck.reading() as state:
            is_asked = state.policy.strictest == Level.SIGNED
        text = "ssh-keygen is not there: no signature can be made or checked."
        hint = "Install OpenSSH's client programs."
        if is_asked:
            yield problem("ssh-keygen", text, hint=hint, exit_code=UnavailableError.exit_code)
        else:
            yield note("ssh-keygen", text, hint=hint)


def future_entries(exam: Exam) -> Iterator[DoctorLine]:
    """Name entries that are dated before the one they follow, by more than clocks may differ."""
    with exam.deck.reading() as state:
        times = [(one.n, clock.from_text(one.at)) for one in state.activity]
    leeway = timedelta(minutes=5)
    back = [n for (_m, before), (n, at) in itertools.pairwise(times) if before - at > leeway]
    if back:
        text = f"{counted(len(back), 'entry')} dated before the one it follows, last {back[-1]}."
        yield note(
            "times", text, hint="Their order is that of their numbers; set the writers' clocks."
        )
