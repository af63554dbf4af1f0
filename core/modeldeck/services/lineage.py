"""Where a thing comes from and what became of it: data, run, version, releases, endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck import ids
from modeldeck.domain.documents import LineageRow, VersionDocument
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.services.base import descriptions, manifests
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.runs import Runs


class Lineage:
    """The ways from data to endpoints in one workspace."""

    def __init__(self, deck: Deck, views: Views, *, runs: Runs) -> None:
        self.deck = deck
        self.views = views
        self.runs = runs

    def of(self, entity: str) -> Sequence[LineageRow]:
        """Return the way of a run, version, release or endpoint, from data to where it serves.

        Of a version of a dataset it is the way from there on.

        Raises
        ------
        NotFoundError
            There is no such thing.
        """
        kind, _colon, name = entity.partition(":")
        if kind == "run":
            run = self.runs.resolve(name)
            versions = [one for one in self.views.versions() if one["run"] == run]
            rows = [*self._used(run), *self._run(run)]
        elif kind == "dataset":
            return self._of_dataset(name)
        else:
            found = self._version(kind, name)
            versions = [found]
            rows = [self._data(found), *(self._run(found["run"]) if found["run"] else ())]
        for version in versions:
            rows.append(_row("version", version["id"], text=f"by {version['registered_by']}"))
            rows += self._after(version)
        return rows

    def _version(self, kind: str, name: str) -> VersionDocument:
        wanted = name
        if kind == "release":
            wanted = next((o["version"] for o in self.views.releases() if o["id"] == name), "")
        elif kind == "endpoint":
            wanted = next((o["version"] for o in self.views.endpoints() if o["id"] == name), "")
        for one in self.views.versions():
            if one["id"] == wanted:
                return one
        msg = f"There is no version behind {kind}:{name[:80]}."
        raise NotFoundError(msg, "Name a run, version, release, endpoint or dataset.")

    def _run(self, run: str) -> list[LineageRow]:
        try:
            found = self.deck.runs.document(run)
        except NotFoundError:
            return [_row("run", run, text="its folder is not here")]
        rows = []
        if found["parent"]:
            rows.append(_row("run", found["parent"], text="started the run below"))
        text = f"{found['experiment']} {found['name']}".strip()
        return [*rows, _row("run", run, text=f"{text}, {found['status']}, by {found['user']}")]

    def _data(self, version: VersionDocument) -> LineageRow:
        try:
            manifest = manifests.read(self.deck.objects, version["manifest"])
        except ModelDeckError as error:
            return _row("data", "unknown", text=error.message)
        dataset = manifests.predicate(manifest).get("dataset")
        known = dataset if isinstance(dataset, dict) else {}
        digest = str(known.get("sha256", ""))
        text = f"{known.get('rows', '?')} rows, sha256 {digest[:12]}" if known else "it names none"
        source = str(known.get("source") or "unknown")
        frozen = self._frozen(digest, source)
        return _row("dataset" if frozen else "data", frozen or source, text=text)

    def _frozen(self, digest: str, name: str) -> str:
        """Return the version of a dataset that some contents are, first the one of that name."""
        with self.deck.reading() as state:
            return descriptions.frozen(state, digest, name=name)

    def _used(self, run: str) -> list[LineageRow]:
        """Return the data that a run recorded, or else those that its model was made of."""
        try:
            used = self.deck.runs.document(run).get("datasets", [])
        except NotFoundError:
            return []
        rows = []
        for one in used:
            frozen = self._frozen(one["digest"], one["name"])
            text = f"sha256 {one['digest'][:12]}"
            rows.append(_row("dataset" if frozen else "data", frozen or one["name"], text=text))
        if not rows:
            made = [one for one in self.views.versions() if one["run"] == run and one.get("data")]
            rows = [self._data(one) for one in made[:1]]
        return rows

    def _of_dataset(self, name: str) -> list[LineageRow]:
        """Return what became of a version of a dataset: runs, model versions, releases."""
        found = next((one for one in self.views.datasets() if one["id"] == name), None)
        if found is None:
            msg = f"There is no version {name[:80]!r} of a dataset."
            near = ids.nearest(name, (one["id"] for one in self.views.datasets()))
            raise NotFoundError(msg, f"{near}`modeldeck dataset list` shows those there are.")
        digest = found["digest"]
        n_rows = "" if found["rows"] is None else f"{found['rows']:,} rows, "
        rows = [_row("dataset", name, text=f"{n_rows}by {found['added_by']}")]
        for run in self.views.runs():
            if digest in [one["digest"] for one in run.get("datasets", [])]:
                rows += self._run(run["id"])
        for version in self.views.versions():
            if version.get("data") == digest:
                rows.append(_row("version", version["id"], text=f"by {version['registered_by']}"))
                rows += self._after(version)
        return rows

    def _after(self, version: VersionDocument) -> list[LineageRow]:
        rows = [
            _row("release", one["id"], text=f"to {one['environment']}, {one['status']}")
            for one in reversed(self.views.releases())
            if one["version"] == version["id"]
        ]
        rows += [
            _row("endpoint", one["id"], text=one["status"])
            for one in self.views.endpoints()
            if one["version"] == version["id"]
        ]
        return rows


def _row(kind: str, name: str, *, text: str) -> LineageRow:
    return LineageRow(kind=kind, id=name, text=text)
