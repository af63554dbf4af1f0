"""The evidence of one release: a folder that ``sha256sum`` and ``ssh-keygen`` alone can check.

::

    README.md                what was decided, by whom, on what; how to check it
    check.sh                 the commands of README.md, for a POSIX shell
    release.json             the release as ModelDeck shows it
    ledger/<n>.json          the entries of the ledger, byte for byte, from the first one on
    chain.sha256             what each entry's successor says its digest is
    objects/<digest>         manifests and gate reports that these entries name
    objects.sha256           their digests, which are also their names
    signatures/<n>.signed    the bytes that the signature of entry n covers, and <n>.sig that one
    allowed_signers          the members' keys, as the ledger has them
    SHA256SUMS               the digests of all other files of the folder

An entry's digest is that of its stored bytes, and stands in its successor as ``prev``: whoever has
the digest of the last entry from elsewhere (a ticket, a tag, another computer) can trust all.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.documents import DiffRow, ReleaseDocument
from modeldeck.domain.entry import digest_of, is_digest, read_entry, signed_bytes
from modeldeck.domain.levels import Level
from modeldeck.domain.state import Activity, State
from modeldeck.errors import ConflictError, DamageError, NotFoundError
from modeldeck.services.activity import Shown
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import ABOUT_THREADS, REMARKS
from modeldeck.services.evidence.text import SUMS, check_script, readme
from modeldeck.store import files, ledger
from modeldeck.store.signing import NAMESPACE

_ALWAYS = {
    "workspace.found",
    "member.add",
    "member.change",
    "member.revoke",
    "policy.adopt",
    "proposal.support",
    "proposal.withdraw",
}
_NAMES_OBJECT = ("manifest", "report")
_MAX_OBJECT = 16 << 20
_READ = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was written: the folder, how many entries, signatures and objects, and the head.

    ``digest`` is that of the list of all its files: who notes it elsewhere sees any change.
    """

    folder: Path
    n_entries: int
    n_signatures: int
    n_objects: int
    head: str
    digest: str


def write(
    deck: Deck, release: ReleaseDocument, *, diff: Sequence[DiffRow], folder: Path
) -> Evidence:
    """Write the evidence of a release into a new folder.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    release : ReleaseDocument
        The release as it is shown.
    diff : sequence of DiffRow
        What differs between its version and what it replaces.
    folder : Path
        Where to; it may not be there yet, or be empty. It appears whole or not at all.

    Raises
    ------
    ConflictError
        There is something at that place.
    DamageError
        The ledger, or an object that an entry names, is not as it was recorded.
    NotFoundError
        The folder that it shall lie in is not there.
    NotPermittedError, UnavailableError
        It cannot be written.
    """
    _need_free(folder)
    with deck.reading() as state:
        lines, head = list(state.activity), state.head
        signers, shown = list(_signers(state)), Shown(state)
        known = state.versions.get(release["version"])
        run = f"run:{known.run}" if known is not None and known.run else ""
        chosen = [one for one in lines if _belongs(one, release, run=run)]
        told = [(one, shown.document(one)["text"]) for one in chosen]
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir()
        entries = _entries(deck, lines, aside=aside)
        n_signatures = _signatures(chosen, entries, aside=aside)
        digests = _objects(deck, chosen, release=release, aside=aside)
        _put(aside / "allowed_signers", "".join(signers))
        _put(aside / "release.json", files.dumps(release).decode() + "\n")
        signed = [one for one in chosen if _is_signed(one)]
        _put(aside / "README.md", readme(release, told, diff=diff, head=head, n=len(lines)))
        _put(aside / "check.sh", check_script([(one.n, one.by) for one in signed], head=head))
        mode = stat.S_IMODE((aside / "check.sh").stat().st_mode)
        (aside / "check.sh").chmod(mode | (mode & _READ) >> 2)  # whoever may read it may run it
        digest = _sums(aside)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    except OSError as error:
        raise files.write_error(error, folder) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Evidence(folder, len(lines), n_signatures, len(digests), head, digest)


def _need_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} is there already."
        raise ConflictError(msg, "Name a folder that is not there yet.")
    if not folder.parent.is_dir():
        msg = f"There is no folder {folder.parent}."
        raise NotFoundError(msg, "Make it, or name another one.")


def _sums(aside: Path) -> str:
    """Write down the digest of every other file; return that of this list."""
    names = sorted(
        path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()
    )
    sums = "".join(f"{digest_of((aside / one).read_bytes())}  {one}\n" for one in names)
    _put(aside / SUMS, sums)
    return digest_of(sums.encode())


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _entries(deck: Deck, lines: list[Activity], *, aside: Path) -> dict[int, bytes]:
    """Copy the entries byte for byte; each has to be what it was when it was folded."""
    (aside / "ledger").mkdir()
    found, sums = {}, []
    for line in lines:
        data, _owner = ledger.read_file(deck.root, line.n)
        if read_entry(data).digest != line.digest:
            msg = f"Entry {line.n} changed since it was read."
            raise DamageError(msg, "Run `modeldeck ledger verify`.")
        name = f"ledger/{line.n:010d}.json"
        (aside / name).write_bytes(data)
        sums.append(f"{line.digest}  {name}\n")
        found[line.n] = data
    _put(aside / "chain.sha256", "".join(sums))
    return found


def _belongs(line: Activity, release: ReleaseDocument, *, run: str) -> bool:
    """Say whether an entry is part of what a release rests on, or what became of it.

    Threads about the run that its version was made of may hold it up, and decide it when resolved.
    """
    if line.action in _ALWAYS:
        return True
    if run and line.entity.partition("#")[0] == run and line.action in ABOUT_THREADS:
        return True
    about = {line.subject, line.entity}
    if f"release:{release['id']}" in about:
        return True
    if f"version:{release['version']}" in about:
        is_there = line.body.get("environment") in {None, release["environment"]}
        return line.action in {"version.register", "version.revoke", *REMARKS, *ABOUT_THREADS} or (
            line.action == "gate.report" and is_there
        )
    endpoint = f"endpoint:{release['model']}@{release['environment']}"
    return endpoint in about and line.action.startswith("deployment.")


def _is_signed(line: Activity) -> bool:
    return line.level is Level.SIGNED


def _signatures(lines: list[Activity], entries: dict[int, bytes], *, aside: Path) -> int:
    (aside / "signatures").mkdir()
    count = 0
    for line in filter(_is_signed, lines):
        entry = read_entry(entries[line.n])
        (aside / "signatures" / f"{line.n}.signed").write_bytes(signed_bytes(entry))
        _put(aside / "signatures" / f"{line.n}.sig", entry.signature)
        count += 1
    return count


def _signers(state: State) -> Iterator[str]:
    """Yield a line for each key that a member has, or ever had."""
    for member in state.members.values():
        for key in dict.fromkeys(one.public for one in member.held):
            yield f'{member.name} namespaces="{NAMESPACE}" {key}\n'


def _objects(
    deck: Deck, lines: list[Activity], *, release: ReleaseDocument, aside: Path
) -> list[str]:
    (aside / "objects").mkdir()
    digests = sorted({*_named(lines), *_of_release(release)})
    for digest in digests:
        data = deck.objects.read(digest, limit=_MAX_OBJECT)
        (aside / "objects" / digest).write_bytes(data)
    _put(aside / "objects.sha256", "".join(f"{one}  objects/{one}\n" for one in digests))
    return digests


def _named(lines: list[Activity]) -> Iterator[str]:
    """Yield what entries name; remarks are left out: their texts may have been taken away."""
    for line in lines:
        if line.is_void or line.action in REMARKS:
            continue
        for name in _NAMES_OBJECT:
            value = line.body.get(name)
            if isinstance(value, str) and is_digest(value):
                yield value


def _of_release(release: ReleaseDocument) -> Iterator[str]:
    yield release["manifest"]
    if is_digest(release["replaces"]):
        yield release["replaces"]
