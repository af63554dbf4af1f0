"""Taking in another workspace: its runs, objects and versions; its ledger as evidence.

What the other workspace decided decides nothing here: its versions are registered anew, by an entry
of this workspace whose authors are those named there and whoever registered them there; its
versions of data get the next numbers here. Where nothing is new nothing is written. Its
entries, byte for byte, are an object here, named by one entry ``workspace.sync`` that comes last.
Everything is found by its id or digest, so that what is done twice, or goes on after an
interruption, is the same as once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from modeldeck import ids
from modeldeck.domain.entry import Json, is_digest
from modeldeck.domain.history.things import DatasetVersion, Sync
from modeldeck.domain.reading.shelf import deleted_runs
from modeldeck.domain.state import Activity, Version
from modeldeck.errors import (
    ConflictError,
    DamageError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.moving.experiments import Experiments
from modeldeck.services.moving.importing import Narrate
from modeldeck.services.moving.merging import Conflict, merge, problems
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import Skipped
from modeldeck.store import files, ledger

FORMAT = 1
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_MAX_LISTED = 1 << 20
_ECHOES = {"workspace.sync", "version.register", "dataset.add", "tag.add"}
"""Actions by which a workspace takes in what others had; they are no news of its own."""
_INWARD = ("workspace.", "member.", "proposal.", "policy.", "ledger.")
"""Beginnings of actions that concern that workspace alone: evidence beside others, no news."""


class SyncedVersion(TypedDict):
    """A version of the other workspace, and the one here that has its content."""

    there: str
    here: str
    manifest: str


class SyncedDataset(TypedDict):
    """A version of data of the other workspace, and the one here that has its contents."""

    there: str
    here: str
    digest: str


class SyncDocument(TypedDict):
    """What was taken in: counts, versions, what contradicts ours, and what was left, with reasons.

    ``entries`` counts those of the other ledger that are kept as evidence. ``entry`` is the number
    of the entry here that records it all; 0 when there was nothing new.
    """

    workspace: str
    name: str
    head: str
    n: int
    dry_run: bool
    runs: int
    renewed: int
    there: int
    objects: int
    versions: list[SyncedVersion]
    datasets: list[SyncedDataset]
    entries: int
    conflicts: list[Skipped]
    skipped: list[Skipped]
    entry: int


class Syncing:
    """Taking in one other workspace."""

    def __init__(self, deck: Deck, other: Deck, *, is_dry: bool, narrate: Narrate) -> None:
        self.deck = deck
        self.other = other
        self.tree = Tree(other.root)
        self._is_dry = is_dry
        self._narrate = narrate
        state = other.state
        self.found = SyncDocument(
            workspace=state.workspace,
            name=state.name,
            head=state.head,
            n=state.n,
            dry_run=is_dry,
            runs=0,
            renewed=0,
            there=0,
            objects=0,
            versions=[],
            datasets=[],
            entries=0,
            conflicts=[],
            skipped=[],
            entry=0,
        )
        self._taken_runs: list[str] = []
        self._new_objects: list[str] = []

    def take(self) -> SyncDocument:
        """Take everything; return what was taken.

        Raises
        ------
        InvalidInputError
            It is this same workspace.
        TamperingError
            Its history is not the one that was taken in before.
        NotPermittedError, UnavailableError
            This workspace cannot be written; what was taken so far stays.
        """
        before = self._before()
        if self.other.state.stopped:
            self._skip("its later entries", self.other.state.stopped)
        self._take_experiments()
        self._take_runs()
        versions = list(self.other.state.versions.values())
        wanted = [one for one in versions if not self._known(one)]
        lines = self.other.state.activity[before.n if before else 0 :]
        data = [one for one in self.other.state.dataset_versions.values() if not self._frozen(one)]
        is_news = any(map(_is_news, lines))
        if not (is_news or self._taken_runs or wanted or data):
            return self.found
        self._take_objects(lines)
        for version in wanted:
            self._take_version(version)
        for one in data:
            self._take_dataset(one)
        found = self.found
        if is_news or self._taken_runs or found["versions"] or found["datasets"]:
            found["entries"] = len(lines)
            if not self._is_dry:
                self._record(lines)
        return found

    def _before(self) -> Sync | None:
        state = self.other.state
        with self.deck.reading() as ours:
            if ours.workspace == state.workspace:
                msg = f"{self.other.root} is a copy of this workspace."
                hint = "Copy missing run folders by rsync; its ledger can only go on in one place."
                raise InvalidInputError(msg, hint)
            before = ours.syncs.get(state.workspace)
        if before is not None and before.n <= state.n and before.head not in state.heads:
            msg = f"The history of {state.name} is not the one that was taken in before."
            hint = f"Entry {before.n} was {before.head[:12]} then: ask its owners what happened."
            raise TamperingError(msg, hint)
        if before is not None and state.n < before.n:
            msg = f"{state.name} was taken in up to entry {before.n}; this copy ends at {state.n}."
            raise ConflictError(msg, "Name the newer copy of it.")
        return before

    def _take_experiments(self) -> None:
        ours = Experiments(self.deck.root, is_dry=self._is_dry)
        for one in Experiments(self.other.root).all():
            if ours.get(one.slug) is None:
                ours.put(one, is_new=True)

    def _take_runs(self) -> None:
        places = list(self._places())
        with self.deck.reading() as state:
            deleted = set(deleted_runs(state))
        for number, place in enumerate(places, start=1):
            self._narrate(f"run {number} of {len(places)}")
            if place[-1] in deleted and not files.is_there(self.deck.runs.folder(place[-1])):
                self.found["there"] += 1  # it was, and garbage collection removed it
                continue
            what = f"run {place[-1]}"
            try:
                outcome = merge(self.tree, place, root=self.deck.root, is_dry=self._is_dry)
            except Conflict as error:
                self.found["conflicts"].append({"what": what, "reason": str(error)})
                continue
            except (DamageError, NotFoundError) as error:
                self._skip(what, error.message)
                continue
            if outcome == "there":
                self.found["there"] += 1
                continue
            self.found["runs" if outcome == "taken" else "renewed"] += 1
            self._taken_runs.append(place[-1])
            for path, problem in problems(self.tree, place):
                self._skip(path, problem)

    def _places(self) -> Iterator[tuple[str, ...]]:
        for month, is_month in self.tree.names(("runs",)):
            for name, is_folder in self.tree.names(("runs", month)) if is_month else ():
                if is_folder and ids.is_id(name) and ids.month_of(name) == month:
                    yield ("runs", month, name)

    def _take_objects(self, lines: Sequence[Activity]) -> None:
        """Copy every object that their entries name, and what those name in turn."""
        pending = [
            str(value)
            for line in lines
            if not line.is_void
            for value in line.body.values()
            if is_digest(value)
        ]
        seen: set[str] = set()
        while pending:
            digest = pending.pop()
            if digest in seen:
                continue
            seen.add(digest)
            try:
                pending += self._take_object(digest)
            except NotFoundError:
                continue  # a digest of something else
            except DamageError as error:
                self._skip(f"object {digest[:12]}", error.message)

    def _take_object(self, digest: str) -> list[str]:
        """Copy one object; return the digests that it names."""
        source = self.other.objects
        parts = source.path(digest).relative_to(self.other.root).parts
        descriptor = self.tree.open(parts)
        files.close(descriptor)
        if self.deck.objects.problem(digest):
            if not self._is_dry:
                self._copy_object(source.path(digest), digest)
            self.found["objects"] += 1
            self._new_objects.append(digest)
        try:
            data = self.tree.read(parts, _MAX_LISTED)
        except DamageError:  # larger: no list of others
            return []
        return [one.decode() for one in _DIGEST.findall(data)] if data[:1] == b"{" else []

    def _copy_object(self, path: Path, digest: str) -> None:
        problem = self.other.objects.problem(digest, data=True)
        if problem:
            msg = f"it {problem}"
            raise DamageError(msg)
        found, _size = self.deck.objects.put_file(path)
        if found != digest:
            msg = "it changed while it was copied"
            raise DamageError(msg)

    def _known(self, version: Version) -> str:
        """Return the version here that has the same content; empty for none."""
        with self.deck.reading() as state:
            for one in state.models.get(version.model, ()):
                if state.versions[one].manifest == version.manifest:
                    return one
        return ""

    def _take_version(self, version: Version) -> None:
        if self.deck.objects.problem(version.manifest) and not self._is_dry:
            self._skip(f"version {version.id}", "its manifest is missing there")
            return
        here = ""
        if not self._is_dry:
            authors = [*version.authors, version.by]
            named = [one for one in dict.fromkeys(authors) if one]
            try:
                done = self.deck.commit(
                    "version.register",
                    f"model:{version.model}",
                    body={"manifest": version.manifest, "run": version.run, "authors": [*named]},
                )
                here = done.entity.removeprefix("version:")
            except ConflictError:  # somebody else took it in meanwhile
                return
        self.found["versions"].append(
            {"there": version.id, "here": here, "manifest": version.manifest}
        )

    def _frozen(self, data: DatasetVersion) -> bool:
        """Say whether a dataset of that name has these contents here, or had a version of them."""
        with self.deck.reading() as state:
            return any(
                state.dataset_versions[one].digest == data.digest
                for one in state.datasets.get(data.name, ())
            )

    def _take_dataset(self, data: DatasetVersion) -> None:
        if self.deck.objects.problem(data.description) and not self._is_dry:
            self._skip(f"data {data.id}", "its description is missing there")
            return
        here = ""
        if not self._is_dry:
            body: dict[str, Json] = {
                "digest": data.digest,
                "description": data.description,
                "reason": data.reason,
            }
            try:
                done = self.deck.commit("dataset.add", f"dataset:{data.name}", body=body)
            except ConflictError:  # somebody else took it in meanwhile
                return
            here = done.entity.removeprefix("dataset:")
        self.found["datasets"].append({"there": data.id, "here": here, "digest": data.digest})

    def _record(self, lines: Sequence[Activity]) -> None:
        """Write the one entry that says what was taken."""
        found = self.found
        entries = b"".join(ledger.read_file(self.other.root, one.n)[0] for one in lines)
        taken = {
            "format": FORMAT,
            "workspace": found["workspace"],
            "first": lines[0].n if lines else found["n"] + 1,
            "last": found["n"],
            "entries": self.deck.objects.put(entries),
            "runs": sorted(self._taken_runs),
            "versions": found["versions"],
            "datasets": found["datasets"],
            "objects": sorted(self._new_objects),
        }
        body: dict[str, Json] = {
            "name": found["name"],
            "head": found["head"],
            "n": found["n"],
            "taken": self.deck.objects.put(files.dumps(taken)),
        }
        done = self.deck.commit("workspace.sync", f"workspace:{found['workspace']}", body=body)
        found["entry"] = done.n

    def _skip(self, what: str, reason: str) -> None:
        self.found["skipped"].append({"what": what, "reason": reason})


def _is_news(line: Activity) -> bool:
    """Say whether an entry of the other workspace is to be kept as evidence for its own sake."""
    return not (line.is_void or line.action in _ECHOES or line.action.startswith(_INWARD))


def need_member(deck: Deck) -> None:
    """Refuse somebody who could not record what was taken, before anything is.

    Raises
    ------
    NotPermittedError
        The actor is no member.
    """
    if deck.member is None:
        name = deck.actor.name
        msg = f"{name[:80]} is not a member of this workspace."
        raise NotPermittedError(msg, f"An owner can run `modeldeck member add {name[:40]}`.")


def run_sync(deck: Deck, path: Path, *, is_dry: bool, narrate: Narrate) -> SyncDocument:
    """Take in another workspace; see :class:`~modeldeck.services.moving.service.Moving`."""
    root = path.expanduser().absolute()
    if not (root / ".modeldeck" / "ledger").is_dir():
        msg = f"{path} is no workspace."
        raise NotFoundError(msg, "Name the folder of another workspace.", path=str(path))
    other = Deck(root, user=deck.actor.name, is_read_only=True)
    other.ledger.refresh()
    if not other.state.workspace:
        msg = f"{path} cannot be read as a workspace: {other.state.stopped or 'it has no entry 1'}."
        raise DamageError(msg, "Look at it with `modeldeck ledger verify -w PATH`.")
    syncing = Syncing(deck, other, is_dry=is_dry, narrate=narrate)
    try:
        return syncing.take()
    finally:
        syncing.tree.close()
