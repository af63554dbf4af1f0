"""The documents kept in the catalogue, brought up to the newest entry when they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from modeldeck.domain.entry import digest_of
from modeldeck.domain.state import State
from modeldeck.services.base.deck import Deck
from modeldeck.store.views import Catalogue

if TYPE_CHECKING:
    from modeldeck.domain.datasets.documents import DatasetDocument
    from modeldeck.domain.documents import (
        AnnotationDocument,
        EndpointDocument,
        MemberDocument,
        ModelDocument,
        ReleaseDocument,
        RunDocument,
        VersionDocument,
    )


def as_said(run: RunDocument, state: State) -> RunDocument:
    """Return a run with what the ledger says of it: tags, whether it is archived or deleted."""
    tags = state.tags.get(f"run:{run['id']}")
    archived, deleted = state.archived.get(run["id"]), state.deleted.get(run["id"])
    if tags:
        run = {**run, "tags": {**run["tags"], **tags}}
    if archived is not None:
        run = {**run, "archived_at": archived.at}
    if deleted is not None:
        run = {**run, "deleted_at": deleted.at}
    return run


def _key(state: State) -> str:
    """Return what the documents depend on: the head, and at broken places what stands there."""
    if not state.breaks:
        return state.head
    places = [f"{one.n} {one.digest} {one.acknowledged}" for one in state.breaks.values()]
    return digest_of("\n".join((state.head, *places)).encode())


class Views:
    """The catalogue of one open workspace; every reading method brings it up to date first.

    Runs have a snapshot of their own, which is read when somebody asks for runs.
    """

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.catalogue = Catalogue(self._path("catalogue.json"))
        self._runs: Catalogue | None = None
        self._said: tuple[tuple[int, int], list[RunDocument], list[RunDocument]] = (
            (-1, -1),
            [],
            [],
        )
        self._open()

    def _path(self, name: str) -> Path | None:
        """Return the file of a snapshot; one that shows the past keeps none."""
        return None if self.deck.as_of else self.deck.cache / name

    def _open(self) -> None:
        """Take what the snapshot holds if it is of this chain, else begin anew."""
        ledger, kept = self.deck.ledger, self.catalogue
        ledger.refresh(until=kept.applied)
        if kept.applied and (ledger.state.n, _key(ledger.state)) == (kept.applied, kept.head):
            ledger.state.touched.clear()
        else:
            kept.clear()
        self._n_anew = ledger.n_anew
        ledger.refresh()

    def sync(self) -> None:
        """Bring the documents up to the newest entry."""
        with self.deck.reading() as state:
            self._begin_anew_if_needed(state)
            if state.touched:
                grouped: dict[str, list[Mapping[str, object]]] = {}
                for table, key in sorted(state.touched):
                    grouped.setdefault(table, []).append(self._build(state, table, key=key))
                for table, documents in grouped.items():
                    self.catalogue.upsert(table, documents)
                state.touched.clear()

    def _begin_anew_if_needed(self, state: State) -> None:
        """Build every document again after the fold began anew, or took something back."""
        is_anew = self._n_anew != self.deck.ledger.n_anew
        if is_anew or state.touched - state.shown_keys():
            self._n_anew = self.deck.ledger.n_anew
            self.catalogue.clear()
            state.touched.clear()
            state.touched |= state.shown_keys()

    def save(self) -> None:
        """Keep a snapshot for the next process."""
        self.sync()
        self.catalogue.save(self.deck.state.n, _key(self.deck.state))
        if self._runs is not None:
            ended = self.deck.runs.ended()
            if len(ended) != len(self._runs.table("runs")):
                self._runs.put_all("runs", cast("list[Mapping[str, object]]", ended))
            self._runs.save(0, "", about=self.deck.runs.months())

    def _build(self, state: State, table: str, *, key: str) -> Mapping[str, object]:
        from modeldeck.services.base import builders, descriptions  # lists of runs need neither

        objects = self.deck.objects
        build: dict[str, Callable[[], object]] = {
            "models": lambda: builders.model_document(state, key),
            "versions": lambda: builders.version_document(
                state, objects, version=state.versions[key]
            ),
            "releases": lambda: builders.release_document(
                state, objects, release=state.releases[key]
            ),
            "deployments": lambda: builders.endpoint_document(state, state.endpoints[key]),
            "members": lambda: builders.member_document(state.members[key]),
            "annotations": lambda: builders.annotation_document(objects, state.annotations[key]),
            "datasets": lambda: descriptions.document(
                state, objects, version=state.dataset_versions[key]
            ),
        }
        return cast("Mapping[str, object]", build[table]())

    def models(self) -> list[ModelDocument]:
        """Return all models by name."""
        return sorted(cast("list[ModelDocument]", self._all("models")), key=lambda one: one["name"])

    def versions(self) -> list[VersionDocument]:
        """Return all versions by model and number."""
        found = cast("list[VersionDocument]", self._all("versions"))
        return sorted(found, key=lambda one: (one["model"], one["version"]))

    def datasets(self) -> list[DatasetDocument]:
        """Return all versions of datasets by name and number."""
        found = cast("list[DatasetDocument]", self._all("datasets"))
        return sorted(found, key=lambda one: (one["name"], one["version"]))

    def releases(self) -> list[ReleaseDocument]:
        """Return all releases as they stand in the ledger, those that were asked for last first.

        The ledger's order counts, not the clocks of those who asked.
        """
        found = cast("list[ReleaseDocument]", self._all("releases"))
        order = {name: n for n, name in enumerate(self.deck.state.releases)}
        return sorted(found, key=lambda one: order.get(one["id"], -1), reverse=True)

    def endpoints(self) -> list[EndpointDocument]:
        """Return all endpoints by name."""
        found = cast("list[EndpointDocument]", self._all("deployments"))
        return sorted(found, key=lambda one: one["id"])

    def members(self) -> list[MemberDocument]:
        """Return all active members by name."""
        found = cast("list[MemberDocument]", self._all("members"))
        active = {one.name for one in self.deck.state.members.values() if one.is_active}
        return sorted((one for one in found if one["name"] in active), key=lambda one: one["name"])

    def annotations(self) -> list[AnnotationDocument]:
        """Return all annotations that were not taken back, in the ledger's order."""
        known, order = self.deck.state.annotations, self.deck.state.ids
        found = [
            one
            for one in cast("list[AnnotationDocument]", self._all("annotations"))
            if one["id"] in known and not known[one["id"]].is_withdrawn
        ]
        return sorted(found, key=lambda one: order[one["id"]])

    def runs(self) -> list[RunDocument]:
        """Return all runs, newest first; finished ones that are known are not read again.

        The list may not be changed: it is the same one until something happens to a run.
        """
        with self.deck.ledger.lock:
            if self._runs is None:
                self._runs = Catalogue(self.deck.cache / "runs.json")
                kept = cast("Mapping[str, RunDocument]", self._runs.table("runs").documents())
                self.deck.runs.know(kept, self._runs.about)
            found = self._as_said(self.deck.runs.documents())
        if self.deck.as_of:
            return [one for one in found if one["started_at"] <= self.deck.as_of]
        return found

    def _as_said(self, found: list[RunDocument]) -> list[RunDocument]:
        """Return runs with what the ledger says of them: the same list until either changes."""
        state, (said_n, before, said) = self.deck.state, self._said
        now_n = (state.tagged_n, state.shelved_n)
        if said_n == now_n and before is found:
            return said
        named = {name.removeprefix("run:") for name, tags in state.tags.items() if tags}
        named |= state.archived.keys() | state.deleted.keys()
        said = [as_said(one, state) if one["id"] in named else one for one in found]
        self._said = (now_n, found, said if named else found)
        return self._said[2]

    def _all(self, table: str) -> list[Mapping[str, object]]:
        self.sync()
        with self.deck.ledger.lock:
            return [json.loads(json.dumps(one)) for one in self.catalogue.all(table)]
