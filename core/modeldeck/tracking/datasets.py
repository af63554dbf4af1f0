"""What data a run used: recorded by name and digest, so that it is found where it was frozen."""

from __future__ import annotations

from pathlib import Path

from modeldeck import ids
from modeldeck.domain.datasets.formats import is_version
from modeldeck.domain.documents import DatasetUse
from modeldeck.domain.entry import is_digest
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.store import contents
from modeldeck.tracking.records import Records
from modeldeck.tracking.values import cut
from modeldeck.workspace import find_root

MAX_USED = 1_000
"""Contents that one run can record."""


class DatasetRecords(Records):
    """The streams of a run that also records which data it used."""

    def log_dataset(
        self, path_or_name: str | Path, *, name: str = "", digest: str = ""
    ) -> DatasetUse:
        """Record which data the run used, by name and digest.

        Parameters
        ----------
        path_or_name : str or Path
            A version of a dataset (``sales@3``), or a file or folder, whose bytes are hashed.
            With ``digest`` it is only what the data are called.
        name : str
            What the data are called; empty takes the version, or the path's last part.
        digest : str
            Their SHA-256, where the caller has it already.

        Returns
        -------
        DatasetUse
            What was recorded.

        Raises
        ------
        NotFoundError
            There is no such version, file or folder.
        InvalidInputError
            The path or the digest is none that can be recorded, or there are too many.
        ConflictError
            The run has ended.
        """
        self._need_open()
        if not str(path_or_name):
            msg = "The data have no name."
            raise InvalidInputError(msg, "Name a file, a folder, or a version as sales@3.")
        typed = str(path_or_name).removeprefix("dataset:")
        if digest:
            found = _named(typed, digest)
        elif is_version(typed) and not Path(typed).exists():
            found = DatasetUse(name=typed, digest=_digest_of_version(self.folder, typed))
        else:
            found = _of_path(Path(path_or_name))
        found["name"] = cut(name) or found["name"]
        known: list[DatasetUse] = self._begun.setdefault("datasets", [])
        if found not in known:
            if len(known) >= MAX_USED:
                msg = f"A run records at most {MAX_USED:,} datasets."
                raise InvalidInputError(msg, "Put them into one folder, and record that.")
            known.append(found)
            self._record({"datasets": [found]})
        return found


def _named(name: str, digest: str) -> DatasetUse:
    if not is_digest(digest):
        msg = f"{digest[:80]!r} is not a SHA-256."
        raise InvalidInputError(msg, "Leave it out: the bytes are hashed then.")
    return DatasetUse(name=cut(name), digest=digest)


def _of_path(path: Path) -> DatasetUse:
    try:
        found = contents.read(path.expanduser().absolute())
    except NotFoundError:
        msg = f"There is no file or folder {str(path)[:200]!r}."
        raise NotFoundError(msg, "Name a path, or a version of a dataset as sales@3.") from None
    return DatasetUse(name=found.path.name, digest=found.digest)


def _digest_of_version(folder: Path, version: str) -> str:
    """Look a version up in the ledger of the workspace that the run's folder is in."""
    from modeldeck.store.ledger import Ledger
    from modeldeck.store.verifying import Verifier

    ledger = Ledger(find_root(folder), Verifier(None))
    ledger.refresh()
    found = ledger.state.dataset_versions.get(version)
    if found is None:
        msg = f"There is no version {version!r} of a dataset."
        near = ids.nearest(version, ledger.state.dataset_versions)
        hint = f"{near}`modeldeck dataset list` shows those there are; `dataset add` makes one."
        raise NotFoundError(msg, hint)
    return found.digest
