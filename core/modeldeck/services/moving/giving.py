"""Writing model versions as the registry of MLflow's file store, which MLflow itself reads.

::

    models/<name>/meta.yaml, aliases/<alias>
    models/<name>/version-<n>/meta.yaml, tags/<key>, model/MLmodel, model/**

A version keeps its number. It appears whole, its files verified by their digests; what an alias
says is written anew each time, because people move aliases. A number that is taken by another
content is left as it is, and told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from modeldeck.domain.documents import VersionDocument
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.models import Models
from modeldeck.services.moving.exporting import Exporting
from modeldeck.services.moving.reading import yaml
from modeldeck.services.moving.reading.values import MAX_TAG, milliseconds
from modeldeck.services.moving.registering import ALIAS, ORIGIN
from modeldeck.store import files

MANIFEST = "modeldeck.manifest"
"""The tag there that names the version's manifest, by digest."""
_ALIAS = re.compile(r"(?!latest$)(?!v\d+$)[\w-]{1,255}", re.ASCII | re.IGNORECASE)


class Giving:
    """Writes versions beside the runs of an export."""

    def __init__(self, models: Models, exporting: Exporting) -> None:
        self.models = models
        self.exporting = exporting
        self.names: set[str] = set()
        self.versions = 0
        self._folder = exporting.target / "models"

    def put(self, chosen: Sequence[VersionDocument]) -> None:
        """Write versions, then what the aliases of their models are.

        Raises
        ------
        NotPermittedError, UnavailableError
            The folder cannot be written; what was written so far stays.
        """
        there = [one for one in chosen if self._put(one)]
        if not self.exporting.is_dry:
            for name in sorted(self.names):
                self._aliases(name, [one for one in there if one["model"] == name])

    def _put(self, version: VersionDocument) -> bool:
        """Write a version unless it is there; say whether it is there now."""
        folder = self._folder / version["model"] / f"version-{version['version']}"
        what = f"version {version['id']}"
        if files.is_there(folder):
            if _said(folder, MANIFEST) == version["manifest"]:
                self.names.add(version["model"])
                return True
            self.exporting.skip(what, "another version of that number is there")
            return False
        if not self.exporting.is_dry:
            try:
                self._home(version)
                self.exporting.appear(
                    folder, lambda aside: self._write(version, aside, folder=folder)
                )
            except DamageError as error:
                self.exporting.skip(what, error.message)
                return False
        self.names.add(version["model"])
        self.versions += 1
        return True

    def _home(self, version: VersionDocument) -> None:
        """Make the folder of a model, which appears with what it has to hold."""
        home = self._folder / version["model"]
        if files.is_there(home):
            return
        files.make_folder(self._folder)
        at = milliseconds(version["registered_at"])
        described: dict[str, object] = {
            "creation_timestamp": at,
            "description": None,
            "last_updated_timestamp": at,
            "name": version["model"],
        }
        self.exporting.appear(
            home,
            lambda aside: _meta(aside, described),
        )

    def _write(self, version: VersionDocument, aside: Path, *, folder: Path) -> None:
        source = f"{folder.absolute().as_uri()}/model"
        self.models.copy_out(version["id"], aside / "model")
        _describe(aside / "model")
        what = f"version {version['id']}"
        (aside / "tags").mkdir()
        kept = {key: value for key, value in version["tags"].items() if not _is_ours(key)}
        for key, value in {**kept, MANIFEST: version["manifest"]}.items():
            self.exporting.text(aside / "tags", key, value=value, limit=MAX_TAG, what=what)
        at = milliseconds(version["registered_at"])
        described: dict[str, object] = {
            "creation_timestamp": at,
            "current_stage": "None",
            "description": None,
            "last_updated_timestamp": at,
            "name": version["model"],
            "run_id": self.exporting.id_there(version["run"]) if version["run"] else None,
            "run_link": None,
            "source": source,
            "status": "READY",
            "status_message": None,
            "storage_location": source,
            "user_id": version["registered_by"],
            "version": version["version"],
        }
        _meta(aside, described)

    def _aliases(self, name: str, versions: Sequence[VersionDocument]) -> None:
        folder = self._folder / name / "aliases"
        for version in versions:
            for tag in version["tags"]:
                alias = tag.removeprefix(ALIAS)
                if alias == tag:
                    continue
                if not _ALIAS.fullmatch(alias):
                    what = f"alias {alias[:120]} of version {version['id']}"
                    self.exporting.skip(what, "MLflow has no aliases of such names")
                    continue
                files.make_folder(folder)
                files.replace(folder / alias, str(version["version"]).encode())


def _is_ours(key: str) -> bool:
    return key == ORIGIN or key.startswith(ALIAS)


def _meta(folder: Path, described: Mapping[str, object]) -> None:
    files.write_new(folder / "meta.yaml", yaml.written(dict(described)), mode=0o644)


def _describe(folder: Path) -> None:
    """Write what MLflow calls a model's description, unless the version brought one."""
    path = folder / "MLmodel"
    found = sorted(folder.rglob("model.skops"))
    if files.is_there(path) or not found:
        return
    name = found[0].relative_to(folder).as_posix()
    text = f'flavors:\n  sklearn:\n    pickled_model: "{name}"\n    serialization_format: skops\n'
    files.write_new(path, text.encode(), mode=0o644)


def _said(folder: Path, tag: str) -> str:
    try:
        return files.read_bytes(folder / "tags" / tag, MAX_TAG).decode(errors="replace")
    except ModelDeckError:
        return ""


def chosen_of(
    versions: Sequence[VersionDocument], runs: Collection[str] | None
) -> Sequence[VersionDocument]:
    """Return the versions that go with the runs of an export; None takes all."""
    return [one for one in versions if runs is None or one["run"] in runs]
