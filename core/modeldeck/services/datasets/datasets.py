"""Datasets and their versions: adding contents, listing, where they are used, getting them back.

Contents are kept as objects, so that a version is there when the file that it came from has
changed. They are copied, or cloned where the file system shares blocks between files; a hard link
would be changed with the user's file, so there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.datasets import formats
from modeldeck.domain.datasets.documents import (
    AddedDocument,
    DatasetCheck,
    DatasetDetail,
    DatasetDiff,
    DatasetDocument,
    UsedBy,
)
from modeldeck.domain.datasets.versions import MAX_REASON
from modeldeck.errors import ConflictError, DamageError, InvalidInputError, NotFoundError
from modeldeck.services.base import config, descriptions
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.descriptions import Description
from modeldeck.services.base.views import Views
from modeldeck.services.datasets import comparing, paths, tables, verifying
from modeldeck.services.datasets.comparing import Request
from modeldeck.services.datasets.tables import Table
from modeldeck.store import contents
from modeldeck.store.contents import Contents


@dataclass(frozen=True, slots=True)
class About:
    """What somebody says about contents: why, what is to be predicted, which columns are a key."""

    reason: str = ""
    target: str = ""
    key: tuple[str, ...] = ()


class Datasets:
    """The datasets of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def list(self, name: str = "") -> Sequence[DatasetDocument]:
        """Return all versions, or those of one dataset, by name and number.

        Raises
        ------
        NotFoundError
            There is no such dataset.
        """
        wanted = name.removeprefix("dataset:")
        found = [one for one in self.views.datasets() if not name or wanted == one["name"]]
        if name and not found:
            msg = f"There is no dataset {name[:80]!r}."
            near = ids.nearest(wanted, {one["name"] for one in self.views.datasets()})
            hint = f"{near}`modeldeck dataset list` shows those there are."
            raise NotFoundError(msg, hint, name=name)
        return found

    def version(self, typed: str) -> DatasetDocument:
        """Return one version, typed as ``sales@3``; ``sales`` alone is its latest.

        Raises
        ------
        NotFoundError
            There is none.
        """
        wanted = typed.removeprefix("dataset:")
        if "@" not in wanted:
            return self.list(wanted)[-1] if wanted else self._none(typed)
        for one in self.views.datasets():
            if one["id"] == wanted:
                return one
        return self._none(typed)

    def _none(self, typed: str) -> DatasetDocument:
        msg = f"There is no version {typed[:80]!r} of a dataset."
        near = ids.nearest(typed, (one["id"] for one in self.views.datasets()))
        hint = f"{near}`modeldeck dataset list` shows those there are; one is written sales@3."
        raise NotFoundError(msg, hint, name=typed)

    def show(self, typed: str) -> DatasetDetail:
        """Return one version with its columns, files, and where it was used.

        Raises
        ------
        NotFoundError
            There is none.
        DamageError
            Its description is missing or changed.
        """
        found = self.version(typed)
        known = self.description(found)
        same = [one["id"] for one in self.views.datasets() if one["digest"] == found["digest"]]
        return DatasetDetail(
            **found,
            columns=descriptions.columns(known),
            files=descriptions.listed_files(known),
            used_by=self.used_by(found["digest"]),
            same_as=[one for one in same if one != found["id"]],
        )

    def description(self, version: DatasetDocument) -> Description:
        """Return what the description of a version says.

        Raises
        ------
        DamageError
            It is missing, changed, or no description of these contents.
        """
        with self.deck.reading() as state:
            return descriptions.read(self.deck.objects, state.dataset_versions[version["id"]])

    def used_by(self, digest: str) -> UsedBy:
        """Return the runs that recorded contents, versions made of them, and their releases."""
        versions = [one for one in self.views.versions() if one.get("data") == digest]
        names = {one["id"] for one in versions}
        made = {one["run"] for one in versions}
        runs = [
            one["id"]
            for one in self.views.runs()
            if one["id"] in made or digest in [used["digest"] for used in one.get("datasets", [])]
        ]
        releases = [one["id"] for one in self.views.releases() if one["version"] in names]
        return UsedBy(runs=runs, versions=sorted(names), releases=releases)

    def known_as(self, digest: str) -> Sequence[str]:
        """Return the versions that have some contents."""
        with self.deck.reading() as state:
            return [one.id for one in state.dataset_versions.values() if one.digest == digest]

    def add(
        self, name: str, path: str | Path, *, about: About = About(), snapshot: str = ""
    ) -> AddedDocument:
        """Freeze the contents of a file or a folder as the next version of a dataset.

        Contents that are a version already stay that one.

        Parameters
        ----------
        name : str
            The dataset; it begins to exist with its first version.
        path : str or Path
            A file or a folder. CSV, CSV.gz, Parquet, JSON lines and Arrow get a profile; a folder
            may hold other files too.
        about : About
            Why, the column to predict, and the columns that name a row.
        snapshot : str
            How the contents are kept: ``reflink`` (shared blocks where the file system can, else a
            copy), ``copy``, or ``none`` (digest and profile alone); empty takes
            ``datasets.snapshot`` of ``modeldeck.toml``.

        Raises
        ------
        InvalidInputError
            The name, the path, a column or the contents are not acceptable.
        NotFoundError, NotPermittedError, UnavailableError
            The file is not there, cannot be read, or nothing can be written.
        ConflictError
            The file changed while it was read.
        """
        formats.check_name(name)
        mode = self._mode(snapshot)
        if len(about.reason) > MAX_REASON:
            msg = f"A reason has at most {MAX_REASON:,} characters."
            raise InvalidInputError(msg, "Write an annotation for more.")
        self.deck.need_writable()
        place = paths.checked(self.deck.root, path)
        found = contents.read(place)
        existing = self._existing(name, found.digest)
        if existing is not None:
            return AddedDocument(existed=True, dataset=existing)
        table = tables.profile(self.deck.root, found)
        tables.check_columns(table, target=about.target, key=about.key)
        self._keep(found, mode)
        described = self._described(found, table, about=about, mode=mode)
        body = {
            "digest": found.digest,
            "description": descriptions.write(self.deck.objects, described),
            "reason": about.reason,
        }
        try:
            done = self.deck.commit("dataset.add", f"dataset:{name}", body=body)
        except ConflictError:  # somebody else added the same at the same time
            existing = self._existing(name, found.digest)
            if existing is None:
                raise
            return AddedDocument(existed=True, dataset=existing)
        return AddedDocument(existed=False, dataset=self.version(done.entity))

    def _existing(self, name: str, digest: str) -> DatasetDocument | None:
        found = [one for one in self.known_as(digest) if one.rpartition("@")[0] == name]
        return self.version(found[0]) if found else None

    def _mode(self, wanted: str) -> str:
        if not wanted:
            return config.load(self.deck.root).snapshot
        if wanted not in formats.MODES:
            msg = f"{wanted[:40]!r} is no way to keep contents."
            raise InvalidInputError(msg, f"Use {', '.join(formats.MODES)}.")
        return wanted

    def _keep(self, found: Contents, mode: str) -> None:
        """Store what was read, or read it again, so that what was profiled is what is named."""
        if mode == "none":
            is_same = contents.read(found.path) == found
        else:
            is_clone = mode == "reflink"
            kept = [
                self.deck.objects.put_file(found.place(one), has_shared_blocks=is_clone)
                for one in found.files
            ]
            is_same = kept == [(one.sha256, one.size_bytes) for one in found.files]
        if not is_same:
            msg = f"{found.path} changed while it was read."
            raise ConflictError(msg, "Wait until it is written, then add it again.")

    def _described(
        self, found: Contents, table: Table, *, about: About, mode: str
    ) -> dict[str, object]:
        return {
            "kind": "folder" if found.is_folder else "file",
            "source": paths.shown(self.deck.root, found.path),
            "snapshot": mode,
            "files": [
                {"name": one.name, "sha256": one.sha256, "size_bytes": one.size_bytes}
                for one in found.files
            ],
            "formats": sorted({one for one in map(tables.format_of, found.files) if one}),
            "rows": table.rows,
            "columns": table.columns,
            "target": about.target,
            "key": [*about.key],
        }

    def tables(self, typed: str) -> tuple[DatasetDocument, Sequence[tuple[Path, str, str]]]:
        """Return a version and its tables: where each lies, its name, its format.

        Contents that are not kept are taken from where they were added, if they are the same.

        Raises
        ------
        NotFoundError
            There is no such version, or its contents are not kept and not where they were.
        InvalidInputError
            No file of it is a table.
        DamageError
            Its description, or an object, is missing or changed.
        """
        version = self.version(typed)
        known = self.description(version)
        found, because = tables.at_hand(self.deck, known)
        if found is None:
            msg = f"The contents of {version['id']} are not here: {because}."
            raise NotFoundError(msg, f"Put {known['source'] or 'the file'} back as it was.")
        if not found:
            msg = f"{version['id']} holds no table."
            raise InvalidInputError(msg, f"Tables end in {', '.join(formats.FORMATS)}.")
        for one in known["files"] if version["snapshot"] != "none" else ():
            problem = self.deck.objects.problem(one["sha256"])
            if problem:
                msg = f"{one['name']} of {version['id']} ({one['sha256'][:12]}) {problem}."
                raise DamageError(msg, "Restore it from a copy.")
        return version, [(one.path, one.name, one.format) for one in found]

    def need_whole(self, typed: str) -> None:
        """Hash the kept contents of one version again.

        Raises
        ------
        NotFoundError
            There is no such version, or its contents are not kept.
        DamageError
            Something is missing or changed; the message names it.
        """
        found = verifying.check(self, self.version(typed))
        if found["problems"]:
            msg = f"{found['id']} is damaged: {found['problems'][0]}."
            raise DamageError(msg, "Do not use it; restore the file from a copy.")
        if found["snapshot"] == "not kept":
            msg = f"The contents of {found['id']} are not kept: there is nothing to verify."
            raise NotFoundError(msg, "Its digest tells whether a file is the same.")

    def candidates(self) -> Sequence[str]:
        """Return the tables and folders in ``datasets/``, as paths from the workspace on."""
        return paths.candidates(self.deck.root)

    def diff(self, before: str, after: str, *, request: Request | None = None) -> DatasetDiff:
        """Return what differs between two versions, or a version and a file on disk.

        Parameters
        ----------
        before, after : str
            Versions, or paths.
        request : Request or None
            Key columns, how many rows are shown, whether rows are compared; None: as the versions
            say, ten of each kind.

        Raises
        ------
        NotFoundError
            There is no such version or file.
        InvalidInputError
            A file is no table, or the key is none.
        DamageError
            A description or an object is missing or changed.
        """
        return comparing.compare(self, before, after=after, request=request or Request())

    def verify(self, typed: str = "") -> Sequence[DatasetCheck]:
        """Hash the kept contents again; say what the files that they came from are now.

        Parameters
        ----------
        typed : str
            A version, a dataset, or empty for all.

        Raises
        ------
        NotFoundError
            There is none.
        """
        is_one = "@" in typed
        wanted = [self.version(typed)] if is_one else self.list(typed)
        return [verifying.check(self, one) for one in wanted]
