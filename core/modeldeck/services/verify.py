"""Verifying: does the chain hold, do signatures and owners, is every object there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.fold import FORGED
from modeldeck.domain.history import breaks, seals
from modeldeck.domain.history.documents import VerifyDocument, VerifyProblem
from modeldeck.domain.history.places import Adoption
from modeldeck.domain.levels import Level
from modeldeck.domain.state import Activity, State
from modeldeck.errors import (
    DamageError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.services.base import descriptions, manifests
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import NAMES_OBJECT, removed
from modeldeck.store import closing, files, places
from modeldeck.store.ledger import Ledger, entry_path, numbers

_RESTS_ON = frozenset({"version.register", "gate.report", "dataset.add"})
"""Actions that name a small document on which decisions rest."""


class Verify:
    """Checks everything that the ledger of one workspace says."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def run(self, *, data: bool = False) -> VerifyDocument:
        """Read the ledger anew from its first entry and check it.

        Parameters
        ----------
        data : bool
            Also hash every object again, what runs recorded before versions were registered, and
            prediction logs that were sealed.

        Returns
        -------
        VerifyDocument
            ``problems`` names each thing that does not hold; its kind is ``chain``, ``history``,
            ``owner`` or ``signature`` (somebody changed history), or ``object`` (a file is damaged
            or missing, and an entry that counts names it; what a void entry names need not exist,
            nor a text that was removed), or ``run`` (a file of a run is not what it was when a
            version was registered from it, see :mod:`modeldeck.store.closing`), or ``predictions``
            (a prediction log is not what its server sealed). ``notes`` are no problems: places that
            owners acknowledged, texts that were removed, copies that were adopted, runs and
            prediction logs that are not here, entries that somebody wrote with a signature that is
            not their author's, or from another account than is recorded for that one.

        Notes
        -----
        Manifests, descriptions of data and gate reports, which decisions rest on, are always hashed
        again; models and tables only with ``data``. That the end of a ledger was cut off, or its
        last entry replaced, shows to those alone who saw it before (here, or by an anchor).

        Raises
        ------
        NotPermittedError, UnavailableError
            Something cannot be looked at, which says nothing about it.
        """
        known = numbers(self.deck.root)  # before reading: others may commit meanwhile
        ledger = Ledger(self.deck.root, self.deck.verifier)
        ledger.refresh()
        state = ledger.state
        changed, gone = self._records(state) if data else ([], [])
        unsealed, missing = self._sealed(state) if data else ([], [])
        problems = [
            *_chain(ledger, known),
            *_forged_end(state),
            *self._objects(state, data=data),
            *changed,
            *unsealed,
        ]
        if self.deck.history_problem:
            problems.append(_problem(state.n, "history", problem=self.deck.history_problem))
        if ledger.owners_differ and state.owners_count and not state.adoptions:
            text = (
                "Entry 1 is owned by another account than it records; owners say nothing here. "
                "Of a copy, an owner signs `modeldeck ledger adopt`."
            )
            problems.append(_problem(1, "owner", problem=text))
        return VerifyDocument(
            ok=not problems,
            entries=state.n,
            void=sum(1 for one in state.activity if one.is_void),
            head=state.head if state.n else "",
            problems=problems,
            notes=[
                *_notes(state),
                *_others(ledger, self.deck.root),
                *self._left_behind(state),
                *gone,
                *missing,
            ],
        )

    def _objects(self, state: State, *, data: bool) -> Iterator[VerifyProblem]:
        seen = removed(self.deck.objects, state)
        for line in (one for one in state.activity if not one.is_void):
            name = NAMES_OBJECT.get(line.action)
            digest = line.body.get(name) if name else None
            if not isinstance(digest, str) or not is_digest(digest) or digest in seen:
                continue
            seen.add(digest)
            is_small = line.action in _RESTS_ON
            problem = self.deck.objects.problem(digest, data=data or is_small)
            if problem:
                text = f"{name} {digest[:12]} {problem}"
                yield _problem(line.n, "object", problem=text, digest=digest)
            elif line.action == "version.register":
                yield from self._files(line.n, digest, data=data)
            elif line.action == "dataset.add":
                yield from self._contents(line, data=data)

    def _contents(self, line: Activity, *, data: bool) -> Iterator[VerifyProblem]:
        """Check the contents of a dataset's version, where they are kept."""
        with self.deck.reading() as state:
            version = state.dataset_versions.get(line.entity.partition(":")[2])
        if version is None:
            return
        try:
            known = descriptions.read(self.deck.objects, version)
        except UnavailableError:
            raise
        except ModelDeckError as error:
            yield _problem(line.n, "object", problem=error.message)
            return
        for one in known["files"] if known["snapshot"] != "none" else ():
            problem = self.deck.objects.problem(one["sha256"], data=data)
            if problem:
                text = f"{one['name']} ({one['sha256'][:12]}) {problem}"
                yield _problem(line.n, "object", problem=text, digest=one["sha256"])

    def _records(self, state: State) -> tuple[list[VerifyProblem], list[VerifyProblem]]:
        """Return what changed in the runs of versions, and which of these runs are not here."""
        changed, gone = [], []
        for line in state.activity:
            manifest = line.body.get("manifest")
            if line.is_void or line.action != "version.register" or not is_digest(manifest):
                continue
            try:
                known = manifests.predicate(manifests.read(self.deck.objects, str(manifest)))
                folder = self.deck.runs.folder(str(known.get("run", "")))
            except (DamageError, NotFoundError):
                continue  # the one is told as a damaged object, the other is no run
            records = known.get(manifests.RECORDS)
            if not records or folder.name in state.deleted:
                continue
            what = f"run {ids.short(folder.name)}, from which {line.entity[8:]} was registered"
            if not files.is_folder(folder):
                text = f"the {what}, is not here"
                gone.append(_problem(line.n, "run", problem=text))
                continue
            for one in closing.problems(folder, records):
                text = f"{one}, in the {what}"
                changed.append(_problem(line.n, "run", problem=text))
        return changed, gone

    def _sealed(self, state: State) -> tuple[list[VerifyProblem], list[VerifyProblem]]:
        """Return which sealed prediction logs changed, and which are not here."""
        changed, gone = [], []
        for line in state.activity:
            if line.is_void or line.action != "predictions.seal":
                continue
            endpoint = state.endpoints[line.entity.partition(":")[2]]
            folder = places.endpoint_folder(
                self.deck.root, endpoint.environment, model=endpoint.model
            )
            for one in seals.seals_of(line.body):
                what = f"{one['name']} of {endpoint.id}"
                try:
                    digest, size = closing.digest_of(folder / str(one["name"]))
                except NotFoundError:
                    gone.append(_problem(line.n, "predictions", problem=f"{what} is not here"))
                except (DamageError, NotPermittedError) as error:
                    changed.append(_problem(line.n, "predictions", problem=error.message))
                else:
                    if (digest, size) != (one["sha256"], one["size_bytes"]):
                        text = f"{what} is not what its server sealed"
                        changed.append(_problem(line.n, "predictions", problem=text))
        return changed, gone

    def _left_behind(self, state: State) -> Iterator[VerifyProblem]:
        """Name removed texts that lie there all the same."""
        for digest in sorted(removed(self.deck.objects, state)):
            if not self.deck.objects.problem(digest):
                n = next(one.n for one in state.activity if one.body.get("object") == digest)
                text = f"the text {digest[:12]} was removed by an entry and still lies there"
                yield _problem(n, "object", problem=text)

    def _files(self, n: int, manifest: str, *, data: bool) -> Iterator[VerifyProblem]:
        try:
            known: Mapping[str, str] = manifests.parts(manifests.read(self.deck.objects, manifest))
        except UnavailableError:
            raise
        except ModelDeckError as error:
            yield _problem(n, "object", problem=error.message, digest=manifest)
            return
        for name, digest in known.items():
            problem = self.deck.objects.problem(digest, data=data)
            if problem:
                text = f"{name} ({digest[:12]}) {problem}"
                yield _problem(n, "object", problem=text, digest=digest)


def _forged_end(state: State) -> Iterator[VerifyProblem]:
    """Name a last entry that its author did not sign: perhaps it was changed since it was written.

    The entries before are vouched for by those behind them: such a one was written as it is.
    """
    last = state.activity[-1] if state.activity else None
    if last is not None and last.reason == FORGED:
        text = (
            f"The signature of the last entry does not verify under a key of {last.by}: somebody "
            "else wrote it, or changed it since."
        )
        yield _problem(last.n, "signature", problem=text)


def _notes(state: State) -> Iterator[VerifyProblem]:
    for line in state.activity[:-1]:
        if line.reason == FORGED:
            text = f"it counts for nothing: it names {line.by}, who did not sign it"
            yield _problem(line.n, "signature", problem=text)
    for place in state.breaks.values():
        if place.acknowledged:
            text = (
                f"the chain is broken here; owners acknowledged that by entry {place.acknowledged}"
            )
            yield _problem(place.n, "chain", problem=text)
    for loss in state.losses:
        text = "owners restored the ledger up to here; nobody knew of later entries"
        if loss.lost_n > loss.n:
            text = f"owners declared the entries after it, as far as {loss.lost_n}, as lost"
        yield _problem(loss.n, "history", problem=text)
    for one in state.adoptions.values():
        text = f"owners vouched for who owned the original's files up to here, {_but(one)}"
        yield _problem(one.n, "owner", problem=text)
    n_removed = sum(1 for one in state.annotations.values() if one.redacted_by)
    if n_removed:
        texts = (
            "the text of 1 remark was" if n_removed == 1 else f"texts of {n_removed} remarks were"
        )
        yield _problem(state.n, "object", problem=f"{texts} removed")


def _others(ledger: Ledger, root: Path) -> Iterator[VerifyProblem]:
    """Name entries without a signature whose files belong to others than they name.

    Where the policy trusts claimed names anywhere alone, people try both sides: that says nothing.
    """
    state = ledger.state
    if not state.owners_count or ledger.owners_differ or state.policy.strictest is Level.CLAIMED:
        return
    found: dict[tuple[str, int], list[int]] = {}
    for line in state.activity:
        member = state.members.get(line.by)
        if line.level is not Level.CLAIMED or line.reason == FORGED or not member:
            continue
        owner = _owner(entry_path(root, line.n))
        if member.uid >= 0 and owner not in {None, member.uid}:
            found.setdefault((line.by, owner or 0), []).append(line.n)
    for (name, owner), numbered in found.items():
        many = "it names" if len(numbered) == 1 else f"entries {_listed(numbered)} name"
        whose = "its file belongs" if len(numbered) == 1 else "their files belong"
        text = f"{many} {name}, no signature counts, and {whose} to the account {owner}"
        yield _problem(numbered[0], "owner", problem=text)


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _listed(numbered: list[int]) -> str:
    shown = ", ".join(map(str, numbered[:8]))
    return shown if len(numbered) <= 8 else f"{shown} and {len(numbered) - 8} more"


def _but(adoption: Adoption) -> str:
    return f"but for {len(adoption.excluded)} entries" if adoption.excluded else "all of them"


def _chain(ledger: Ledger, known: list[int]) -> Iterator[VerifyProblem]:
    state = ledger.state
    for place in breaks.open_breaks(state):
        yield _problem(
            place.n,
            "chain",
            problem=f"Entry {place.n + 1} does not continue the chain after entry {place.n}: one "
            f"of them was replaced. Owners: `modeldeck ledger acknowledge {place.n}`.",
        )
    if state.stopped:
        yield _problem(state.n + 1, "chain", problem=state.stopped)
    elif not known:
        yield _problem(1, "chain", problem="There are no entries.")
    elif known[-1] > state.n:
        yield _problem(
            state.n + 1, "chain", problem=f"Entries end at {state.n}, files at {known[-1]}."
        )


def _problem(n: int, kind: str, *, problem: str, digest: str = "") -> VerifyProblem:
    return VerifyProblem(n=n, kind=kind, problem=problem, digest=digest)
