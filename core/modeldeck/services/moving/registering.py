"""Registered models of MLflow: as versions here where they are kept without pickle, else in words.

What `modeldeck model register` accepts is a file of skops. MLflow's flavour for scikit-learn writes
one by default in 3.17 (``serialization_format: skops``); older versions, and other flavours,
hold pickles, which run code when they are loaded: those are never opened. Their files stay with
their run as artifacts, and a remark on the run says what they were registered as.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from modeldeck import ids
from modeldeck.domain.remarks import MAX_TAG_VALUE, TAG
from modeldeck.errors import ConflictError, ModelDeckError
from modeldeck.services.annotations import Annotations
from modeldeck.services.base.deck import Deck
from modeldeck.services.models import Models
from modeldeck.services.moving.experiments import slug_of
from modeldeck.services.moving.reading import locating, yaml
from modeldeck.services.moving.reading.values import USER, SourceVersion

if TYPE_CHECKING:
    from modeldeck.services.moving.importing import Importing

ORIGIN = "mlflow.version"
"""The tag of a version that says what it was in MLflow."""
ALIAS = "mlflow.alias/"


class Registering:
    """Takes registered versions, after the runs that they come from."""

    def __init__(self, deck: Deck, models: Models, *, importing: Importing, is_dry: bool) -> None:
        self.deck = deck
        self.models: set[str] = set()
        self.versions = 0
        self._models = models
        self._remarks = Annotations(deck, models.views)
        self._importing = importing
        self._source = importing.source
        self._is_dry = is_dry
        self._logged = {one.id: one for one in self._source.models()}

    def take(self, narrate: Callable[[str], None]) -> None:
        """Take all versions.

        Raises
        ------
        NotPermittedError, UnavailableError
            The actor may not register, or the workspace cannot be written.
        """
        versions = sorted(self._source.versions(), key=lambda one: (one.model, one.number))
        for number, version in enumerate(versions, start=1):
            narrate(f"version {number} of {len(versions)}, {version.id}")
            place, reason = self._kept(version)
            if reason:
                self._importing.took.skip(f"version {version.id}", reason)
                self._remark(version, reason)
            elif self._is_dry:
                self.models.add(slug_of(version.model))
                self.versions += not self._find(version)
            else:
                self._register(version, place)

    def _kept(self, version: SourceVersion) -> tuple[tuple[str, ...], str]:
        """Return the place of a version's skops file, or why there is none to take."""
        source = self._source
        place, reason = locating.below(
            source, version.source, runs=self._importing.runs, models=self._logged
        )
        if not place:
            return (), f"its files are not here: {reason or 'it names none'}"
        try:
            described = yaml.read(source.tree.read((*place, "MLmodel"), yaml.MAX_BYTES))
        except ModelDeckError as error:
            return (), f"its MLmodel cannot be read: {error.message}"
        name, reason = skops_of(described)
        return ((), reason) if reason else ((*place, *name.split("/")), "")

    def _register(self, version: SourceVersion, place: tuple[str, ...]) -> None:
        """Register a version, unless that was done before; then its aliases and tags."""
        known = self._find(version)
        if not known:
            try:
                known = self._new(version, place)
            except ConflictError as error:
                known = str(error.data.get("version", ""))
                if not known:
                    raise
            except ModelDeckError as error:
                if error.exit_code in {6, 12}:  # nothing else would go better
                    raise
                self._importing.took.skip(f"version {version.id}", error.message)
                self._remark(version, error.message)
                return
            else:
                self.versions += 1
            self._tag(f"version:{known}", ORIGIN, value=self._origin(version))
        self.models.add(known.partition("@")[0])
        for alias in version.aliases:
            self._tag(f"version:{known}", f"{ALIAS}{alias}", value="")
        for key, value in version.tags.items():
            self._tag(f"version:{known}", key, value=value)
        if version.description:
            self._say(f"version:{known}", f"In MLflow: {version.description}")

    def _new(self, version: SourceVersion, place: tuple[str, ...]) -> str:
        with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
            file = Path(folder, "model.skops")
            self._source.tree.copy(place, file)
            found = self._models.register_file(
                file,
                slug_of(version.model),
                run=self._importing.known.get(version.run, ""),
                authors=self._authors(version),
            )
        return found["id"]

    def _authors(self, version: SourceVersion) -> list[str]:
        """Return whom MLflow names as having made a version; whoever registers it counts anyway."""
        run = self._importing.runs.get(version.run)
        users = [version.user, run.user if run else "", run.tags.get(USER, "") if run else ""]
        return [one for one in dict.fromkeys(users) if ids.is_name(one)]

    def _origin(self, version: SourceVersion) -> str:
        return f"{version.id} {version.run}".strip()[-MAX_TAG_VALUE:]

    def _find(self, version: SourceVersion) -> str:
        """Return the version here that an earlier import made of one; empty for none."""
        with self.deck.reading() as state:
            for one in state.models.get(slug_of(version.model), ()):
                if state.tags.get(f"version:{one}", {}).get(ORIGIN) == self._origin(version):
                    return one
        return ""

    def _tag(self, subject: str, tag: str, *, value: str) -> None:
        """Tag an entity as MLflow does; what a tag here cannot hold is told."""
        if not TAG.fullmatch(tag) or len(value) > MAX_TAG_VALUE:
            self._say(subject, f"In MLflow it has the tag {tag}: {value}")
            return
        with self.deck.reading() as state:
            is_there = state.tags.get(subject, {}).get(tag) == value
        if not is_there:
            self.deck.commit("tag.add", subject, body={"tag": tag, "value": value})

    def _remark(self, version: SourceVersion, reason: str) -> None:
        """Say on its run what a version was that could not be taken."""
        run = self._importing.known.get(version.run, "")
        if not run or self._is_dry:
            return
        aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
        self._say(
            f"run:{run}",
            f"In MLflow its model is version {version.number} of {version.model}{aliases}."
            f" It was not taken: {reason}. {version.description}".strip(),
        )

    def _say(self, subject: str, text: str) -> None:
        cut = text[:8000]
        known = [one["text"] for one in self._remarks.list() if one["subject"] == subject]
        if cut not in known:
            self._remarks.add(subject, cut)


def skops_of(described: dict[str, object]) -> tuple[str, str]:
    """Return the path of the skops file that an ``MLmodel`` describes, or why there is none."""
    flavors = described.get("flavors")
    known = flavors if isinstance(flavors, dict) else {}
    own = known.get("sklearn")
    if not isinstance(own, dict):
        names = ", ".join(sorted(str(one) for one in known if one != "python_function"))
        return "", _why_not(names[:80])
    form = str(own.get("serialization_format") or "pickle")
    name = str(own.get("pickled_model") or "")
    if form != "skops" or not name:
        return "", f"it is kept as {form[:40]}, which runs code when it is loaded"
    return name, ""


def _why_not(flavors: str) -> str:
    """Return why a version of other flavours than scikit-learn's is not taken."""
    if flavors == "onnx":
        return (
            "its flavour is onnx: versions here are skops files, which gates and servers load; "
            "the ONNX file stays among its run's artifacts"
        )
    return f"its flavour is {flavors or 'unknown'}; only skops files are taken"
