"""Models and their versions: registering, listing, and getting verified files back."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.documents import DiffRow, GateDocument, ModelDocument, VersionDocument
from modeldeck.domain.membership import accounts
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.services.base import builders, cards, descriptions, difference, manifests, processes
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.reading import examples
from modeldeck.store import closing


class Models:
    """The models of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def list(self) -> Sequence[ModelDocument]:
        """Return all models by name."""
        return self.views.models()

    def show(self, name: str) -> ModelDocument:
        """Return one model.

        Raises
        ------
        NotFoundError
            There is none of that name.
        """
        for model in self.views.models():
            if model["name"] == name.removeprefix("model:"):
                return model
        msg = f"There is no model {name[:80]!r}."
        near = ids.nearest(name, (one["name"] for one in self.views.models()))
        raise NotFoundError(msg, f"{near}`modeldeck model list` shows those there are.", name=name)

    def versions(self, model: str = "") -> Sequence[VersionDocument]:
        """Return the versions of one model, or of all.

        Raises
        ------
        NotFoundError
            There is no such model.
        """
        name = self.show(model)["name"] if model else ""
        return [one for one in self.views.versions() if name in {"", one["model"]}]

    def version(self, typed: str) -> VersionDocument:
        """Return one version, typed as ``churn@7``; ``churn`` alone is its latest.

        Raises
        ------
        NotFoundError
            There is none.
        """
        wanted = typed.removeprefix("version:")
        if wanted and "@" not in wanted:
            wanted = self.show(wanted)["latest"]
        for version in self.views.versions():
            if version["id"] == wanted:
                return version
        msg = f"There is no model version {typed[:80]!r}."
        near = ids.nearest(wanted, (one["id"] for one in self.views.versions()))
        hint = f"{near}`modeldeck model versions` shows those there are; one is written churn@7."
        raise NotFoundError(msg, hint, name=typed)

    def register(self, source: str, model: str) -> VersionDocument:
        """Turn a run, or a model file, into a version.

        Parameters
        ----------
        source : str
            A run's id (any unique ending), or the path of a ``.skops`` file.
        model : str
            The model's name; it begins to exist with its first version.

        Raises
        ------
        ModelDeckError
            There is no such run or file, it holds no model, or the content is registered already.
        """
        ids.check_name(model, "a model")
        self.deck.need_writable()
        path = Path(source)
        if source.endswith(".skops") or (path.is_file() and not ids.is_id(source)):
            return self.register_file(path, model, authors=[self.deck.actor.name])
        run = self.deck.runs.document(ids.resolve(source, self.deck.runs.ids(), what="run"))
        folder = _model_folder(self.deck.runs.folder(run["id"]))
        if not (folder / "model.skops").is_file():
            msg = f"Run {ids.short(run['id'])} logged no model."
            raise InvalidInputError(msg, "Log one with run.log_model(…), or train a pipeline.")
        return self._register(
            folder,
            model,
            run=run["id"],
            authors=makers(self.deck, run["id"], named=run["user"]),
            records=closing.closed(folder.parents[1]) if run["ended_at"] else {},
        )

    def register_file(
        self, path: Path, model: str, *, run: str = "", authors: Sequence[str] = ()
    ) -> VersionDocument:
        """Turn a skops file into a version, as :meth:`register` does.

        Parameters
        ----------
        path : Path
            The file.
        model : str
            The model's name.
        run : str
            Full id of the run that it comes from; empty when none is known.
        authors : Sequence of str
            Who made it; empty takes the actor.

        Raises
        ------
        ModelDeckError
            As :meth:`register`.
        """
        ids.check_name(model, "a model")
        self.deck.need_writable()
        if not path.is_file():
            msg = f"{path} is not there."
            raise NotFoundError(msg, "Name a run, or a model file made by skops.")
        with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
            into = Path(folder, "model")
            arguments = ["--file", str(path.resolve()), "--into", str(into)]
            processes.ask("inspect", arguments, root=self.deck.root)
            named = list(authors) or [self.deck.actor.name]
            return self._register(into, model, run=run, authors=named)

    def _register(
        self,
        folder: Path,
        model: str,
        *,
        run: str,
        authors: Sequence[str],
        records: Mapping[str, object] | None = None,
    ) -> VersionDocument:
        made, manifest = manifests.make(
            self.deck.objects, folder, model=model, run=run, authors=authors, records=records
        )
        done = self.deck.commit(
            "version.register",
            f"model:{model}",
            body={
                "manifest": self._known(model, manifest, run=run) or made,
                "run": run,
                "authors": [*authors],
            },
        )
        return self.version(done.entity)

    def _known(self, model: str, manifest: Mapping[str, object], *, run: str) -> str:
        """Return the manifest by which that content of a run is registered; empty for none.

        What is known about the run's files differs once it has gone on, or was still running then;
        the content is the same all the same.
        """
        wanted = manifests.without_records(manifest)
        with self.deck.reading() as state:
            before = [state.versions[one] for one in state.models.get(model, ())]
        for one in before:
            with contextlib.suppress(DamageError):
                if run and one.run == run:
                    found = manifests.read(self.deck.objects, one.manifest)
                    if manifests.without_records(found) == wanted:
                        return one.manifest
        return ""

    def card(self, typed: str) -> str:
        """Return a version's model card, as Markdown.

        Raises
        ------
        DamageError
            Its manifest is missing or changed.
        """
        version = self.version(typed)
        predicate = manifests.predicate(manifests.read(self.deck.objects, version["manifest"]))
        subject = f"version:{version['id']}"
        remarks = [one for one in self.views.annotations() if one["subject"] == subject]
        return cards.card(
            version,
            predicate,
            gates=self._gates(version),
            remarks=remarks,
            used=self._used(version, predicate),
        )

    def example(self, typed: str) -> Mapping[str, object]:
        """Return a request that a version answers, as :func:`examples.request_of` does."""
        return examples.request_of(self.deck.objects, self.version(typed)["manifest"])

    def _used(self, version: VersionDocument, predicate: Mapping[str, object]) -> Sequence[str]:
        """Return the data of a version: what its run recorded, and what its manifest names."""
        known: dict[str, str] = {}
        with contextlib.suppress(NotFoundError):
            used = self.deck.runs.document(version["run"]).get("datasets", [])
            known |= {one["digest"]: one["name"] for one in used}
        dataset = predicate.get("dataset")
        digest = str(dataset.get("sha256", "")) if isinstance(dataset, dict) else ""
        with self.deck.reading() as state:
            named = {
                one: descriptions.frozen(state, one, name=known.get(one, ""))
                for one in (*known, digest)
            }
        return [
            named[one] or f"{known[one]}, sha256 {one[:12]}"
            for one in named
            if named[one] or one in known
        ]

    def diff(self, before: str, after: str) -> Sequence[DiffRow]:
        """Return what differs between two versions: every metric, of the rest what changed.

        Raises
        ------
        NotFoundError
            There is no such version.
        DamageError
            A manifest is missing or changed.
        """
        found = [
            manifests.predicate(manifests.read(self.deck.objects, self.version(one)["manifest"]))
            for one in (before, after)
        ]
        return difference.rows(*found)

    def revoke(self, typed: str, reason: str) -> VersionDocument:
        """Revoke a version for good: it may go live nowhere any more.

        Open releases of it are outdated, and no endpoint goes back to it. What is served already
        goes on until somebody rolls it back or stops it.

        Parameters
        ----------
        typed : str
            The version, as ``churn@7``.
        reason : str
            Why; it is kept.

        Raises
        ------
        NotPermittedError
            The actor is no owner, and has none of the policy's ``rollback_roles``.
        ConflictError
            It was revoked already.
        NotFoundError, InvalidInputError
            There is no such version; no reason was given.
        """
        version = self.version(typed)["id"]
        self.deck.commit("version.revoke", f"version:{version}", body={"reason": reason})
        return self.version(version)

    def _gates(self, version: VersionDocument) -> Sequence[GateDocument]:
        with self.deck.reading() as state:
            last = [
                made[-1]
                for (manifest, _environment), made in state.reports.items()
                if manifest == version["manifest"]
            ]
        objects = self.deck.objects
        found = [builders.gate_document(objects, o.report, by=o.by, at=o.at) for o in last]
        return [one for one in found if one is not None]

    def files(self, typed: str) -> Sequence[tuple[str, str]]:
        """Return a version's files and their SHA-256, as its manifest lists them.

        Raises
        ------
        DamageError
            Its manifest is missing or changed.
        """
        version = self.version(typed)
        known = manifests.parts(manifests.read(self.deck.objects, version["manifest"]))
        return sorted(known.items())

    def verify(self, typed: str) -> int:
        """Hash every file of a version again; return how many there are.

        Raises
        ------
        DamageError
            A file is missing or changed; the message names it.
        """
        known = self.files(typed)
        for name, digest in known:
            problem = self.deck.objects.problem(digest, data=True)
            if problem:
                msg = f"{name} of {typed} ({digest[:12]}) {problem}."
                raise DamageError(msg, "Do not use this version; restore the file from a copy.")
        return len(known)

    def copy_out(self, typed: str, folder: Path) -> dict[str, object]:
        """Copy a version's files into a new folder, each verified; return its manifest.

        Raises
        ------
        DamageError
            A file is missing or changed.
        """
        manifest = self.version(typed)["manifest"]
        return manifests.copy_out(self.deck.objects, manifest, folder=folder)


def makers(deck: Deck, run: str, *, named: str) -> Sequence[str]:
    """Return who made a run: whom it names, and whose file it is where that is another one."""
    uid = deck.runs.folder(run).lstat().st_uid
    with deck.reading() as state:
        members, needed = state.members, state.policy.strictest
        return accounts.makers(named, uid=uid, members=members, needed=needed)


def _model_folder(run_folder: Path) -> Path:
    """Return where a run keeps its model; whoever wrote the run may not lead elsewhere.

    Registering makes what lies there readable for everybody, with the rights of who registers.
    """
    folder = run_folder / "artifacts" / "model"
    for part in (run_folder, folder.parent, folder):
        if part.is_symlink():
            msg = f"{part} is a link; models are taken from a run's own folder only."
            raise InvalidInputError(msg, "Put the files themselves there, or name a model file.")
    return folder
