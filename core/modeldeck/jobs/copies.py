"""A server's own copies of what it serves, so that it can start when the workspace cannot say.

::

    <state>/serve/<workspace>/<environment>/
      served.json       {"<model>": {"version", "manifest", "generation", "head"}}
      <manifest>/       the version's files, and the manifest itself as manifest.json
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from modeldeck.domain.documents import EndpointDocument
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.store import files

MAX_JSON = 16 << 20
MAX_FILE = 4 << 30
MANIFEST = "manifest.json"

Fill = Callable[[Path], dict[str, object]]


class Copies:
    """The copies of one server's environment.

    Parameters
    ----------
    folder : Path
        Where they are; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files.make_folder(folder)

    def take(self, manifest: str, fill: Fill) -> Path:
        """Return a folder with the verified files of a version; ``fill`` copies them into one.

        Raises
        ------
        ModelDeckError
            The files are missing or damaged.
        """
        with contextlib.suppress(ModelDeckError, OSError):
            return self.verified(manifest)
        target = self.folder / manifest
        shutil.rmtree(target, ignore_errors=True)
        aside = self.folder / f".{os.getpid()}-{os.urandom(4).hex()}.tmp"
        aside.mkdir()
        try:
            files.write_new(aside / MANIFEST, files.dumps(fill(aside)))
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return target

    def verified(self, manifest: str) -> Path:
        """Return the folder of a version's copy after hashing every file again.

        Raises
        ------
        DamageError
            Something is missing or has changed.
        """
        folder = self.folder / manifest
        data = files.read_bytes(folder / MANIFEST, MAX_JSON)
        if hashlib.sha256(data).hexdigest() != manifest:
            msg = f"The copy of version {manifest[:12]} was changed."
            raise DamageError(msg)
        for name, digest in manifests.parts(json.loads(data)).items():
            content = files.read_bytes(folder / name, MAX_FILE)
            if hashlib.sha256(content).hexdigest() != digest:
                msg = f"{name} of the copy of version {manifest[:12]} was changed."
                raise DamageError(msg)
        return folder

    def remember(self, endpoint: EndpointDocument, *, head: str) -> None:
        """Note what an endpoint serves now, and remove copies that none does."""
        known = dict(self.remembered())
        known[endpoint["model"]] = {
            "version": endpoint["version"],
            "manifest": endpoint["manifest"],
            "generation": endpoint["generation"],
            "head": head,
        }
        self._write(known)

    def forget(self, model: str) -> None:
        """Note that a model has nothing live."""
        known = dict(self.remembered())
        if known.pop(model, None) is not None:
            self._write(known)

    def remembered(self) -> Mapping[str, Mapping[str, object]]:
        """Return what was served last, by model; empty when nothing is known."""
        try:
            value = json.loads(files.read_bytes(self.folder / "served.json", MAX_JSON))
        except (ModelDeckError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, known: Mapping[str, Mapping[str, object]]) -> None:
        files.replace(self.folder / "served.json", files.dumps(known), mode=0o600)
        used = {str(one["manifest"]) for one in known.values()}
        for path in self.folder.iterdir():
            is_copy = path.is_dir() and not path.name.startswith(".")
            if is_copy and path.name not in used:
                shutil.rmtree(path, ignore_errors=True)
