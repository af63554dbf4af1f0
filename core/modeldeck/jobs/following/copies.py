"""A server's own copies of what it serves, so that it can start when the workspace cannot say.

::

    <state>/serve/<workspace>/<environment>/
      served.json       {"root", "member", "n", "head",
                         "served": {"<model>": {"version", "manifest", "generation"}},
                         "stopped": ["<model>"], "good": ["<manifest>"], "losses"}
      <manifest>/       the version's files, and the manifest itself as manifest.json

``n`` and ``head`` are the newest entry that the server acted on: they are on the disk before it
acts. A chain without that entry is not followed, and what was stopped stays stopped. ``good`` names
versions that loaded here before, ``losses`` is how many losses the owners had named by then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from modeldeck.domain.documents import EndpointDocument
from modeldeck.domain.history import breaks, copies
from modeldeck.domain.state import State
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.store import files

MAX_JSON = 16 << 20
MAX_FILE = 4 << 30
MAX_GOOD = 200
MANIFEST = "manifest.json"
SERVED = "served.json"

Fill = Callable[[Path], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Known:
    """What a server remembers; empty when it never served here."""

    root: str = ""
    member: str = ""
    n: int = 0
    head: str = ""
    served: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    losses: int = 0


class Copies:
    """The copies of one server's environment.

    Parameters
    ----------
    folder : Path
        Where they are, named like the environment; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files.make_folder(folder)
        self.known = read(folder / SERVED)

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

    def contradiction(self, state: State) -> str:
        """Return why a chain is not the one that was followed here; empty when it is.

        Where it is broken and owners have not acknowledged that, what waits there may have taken
        a pointer back: what was served stays.
        """
        known = self.known
        if not known.n or state.stopped:
            return ""
        if breaks.open_breaks(state):
            gone = [name for name in known.served if self._goes_back(state, name)]
            if gone:
                return (
                    f"The chain is broken, and {', '.join(gone)} would go back to an earlier "
                    "version. Owners look at it: `modeldeck ledger verify`, then `ledger "
                    "acknowledge`."
                )
        if known.head in state.heads:
            return ""
        if copies.is_named(state, known.n, head=known.head, n_losses=known.losses):
            return ""
        return (
            f"History shrank or was rewritten: this server acted on entry {known.n}, "
            f"{known.head[:12]}, which is not in it. Bring that entry back, or have the owners "
            f"name it (`modeldeck ledger acknowledge` or `ledger restore`), or remove "
            f"{self.folder / SERVED} to begin anew from what is there."
        )

    def _goes_back(self, state: State, model: str) -> bool:
        """Say whether a model's pointer is an earlier one than was served here."""
        generation = self.known.served[model].get("generation")
        endpoint = state.endpoint(model, self.folder.name)
        return not isinstance(generation, int) or endpoint.generation < generation

    def see(self, state: State, *, root: Path, member: str, stopped: Iterable[str]) -> None:
        """Remember, before anything is done about it, how far the ledger was read.

        Parameters
        ----------
        state : State
            The ledger, with the head that was remembered before.
        root : Path
            The workspace's folder.
        member : str
            Whom the server acts as.
        stopped : iterable of str
            Models whose endpoint names no version.
        """
        gone = tuple(sorted(stopped))
        served = {name: one for name, one in self.known.served.items() if name not in gone}
        known = replace(
            self.known,
            root=str(root),
            member=member,
            n=state.n,
            head=state.head,
            served=served,
            stopped=gone,
            losses=len(state.losses),
        )
        if known != self.known:
            self._write(known)

    def remember(self, endpoint: EndpointDocument) -> None:
        """Note what an endpoint serves now, and remove copies that none does."""
        manifest = endpoint["manifest"]
        now = {
            "version": endpoint["version"],
            "manifest": manifest,
            "generation": endpoint["generation"],
        }
        good = (*(one for one in self.known.good if one != manifest), manifest)[-MAX_GOOD:]
        served = {**self.known.served, endpoint["model"]: now}
        self._write(replace(self.known, served=served, good=good))

    def serves(self, endpoint: EndpointDocument) -> bool:
        """Say whether this very pointer was served here before."""
        one = self.known.served.get(endpoint["model"], {})
        wanted = (endpoint["manifest"], endpoint["generation"])
        return (one.get("manifest"), one.get("generation")) == wanted

    def _write(self, known: Known) -> None:
        files.replace(self.folder / SERVED, files.dumps(asdict(known)), mode=0o600)
        self.known = known
        used = {str(one["manifest"]) for one in known.served.values()}
        for path in self.folder.iterdir():
            is_copy = path.is_dir() and not path.name.startswith(".")
            if is_copy and path.name not in used:
                shutil.rmtree(path, ignore_errors=True)


def read(path: Path) -> Known:
    """Return what a server remembers; nothing when the file is missing or damaged."""
    try:
        value = json.loads(files.read_bytes(path, MAX_JSON))
        return Known(
            root=str(value["root"]),
            member=str(value["member"]),
            n=int(value["n"]),
            head=str(value["head"]),
            served={str(name): dict(one) for name, one in value["served"].items()},
            stopped=tuple(map(str, value["stopped"])),
            good=tuple(map(str, value["good"])),
            losses=int(value.get("losses", 0)),
        )
    except (ModelDeckError, ValueError, KeyError, TypeError, AttributeError):
        return Known()


def folder_of(base: Path, *, workspace: str, environment: str, root: Path) -> Path:
    """Return the folder of a server's copies.

    Parameters
    ----------
    base : Path
        The user's folder for all servers.
    workspace : str
        The workspace's id; empty when its first entry cannot be read: then the copies that were
        last taken of a workspace in the same folder are found.
    environment : str
        The server's environment.
    root : Path
        The workspace's folder.
    """
    if workspace:
        return base / workspace[:16] / environment
    found = [
        path for path in base.glob(f"*/{environment}/{SERVED}") if read(path).root == str(root)
    ]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return newest.parent if newest is not None else base / "unknown" / environment
