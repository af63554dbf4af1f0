r"""MLflow's experiments in a workspace: names that only MLflow allows, notes, tags.

A workspace's experiments have names of a-z, digits, dot, dash and underscore, and begin to exist
with their first run. What MLflow says beyond that is in ``mlflow/experiments/<experiment>.json``::

    {
        "v": 1,
        "name": "Team/Churn study",
        "created_ms": 1795632649073,
        "is_deleted": false,
        "tags": {},
    }

An experiment without such a file has its own name. The id that MLflow's programs see is made of
the experiment's name here and never changes: a number of 18 digits, and "0" for ``default``.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from modeldeck import ids
from modeldeck.errors import ModelDeckError
from modeldeck.store import files

MAX_FILE = 1 << 20
DEFAULT = "default"
_OTHER = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class Experiment:
    """An experiment as MLflow sees it; ``slug`` is its name here."""

    slug: str
    name: str
    created_ms: int = 0
    is_deleted: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id that MLflow's programs use."""
        return id_of(self.slug)


def id_of(slug: str) -> str:
    """Return MLflow's id of an experiment.

    Examples
    --------
    >>> id_of("default"), id_of("churn")
    ('0', '949943230204313283')
    """
    if slug == DEFAULT:
        return "0"
    number = int.from_bytes(hashlib.sha256(slug.encode()).digest()[:8], "big")
    return str(10**17 + number % (9 * 10**17))


def slug_of(name: str) -> str:
    """Return the name here of an experiment or model that is called so elsewhere.

    Examples
    --------
    >>> slug_of("Team/Churn study"), slug_of("42"), slug_of("..")
    ('team-churn-study', 'mlflow-42', 'mlflow')
    """
    plain = _OTHER.sub("-", name.lower())
    while ".." in plain:
        plain = plain.replace("..", ".")
    slug = plain.strip("-._")[:64].strip("-._")
    if slug.isdigit() or not slug:
        slug = f"mlflow-{slug}".strip("-")
    return slug if ids.is_name(slug) else f"mlflow-{_mark(name)}"


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class Experiments:
    """The experiments of a workspace of which MLflow says something.

    Parameters
    ----------
    root : Path
        The workspace.
    is_dry : bool
        Remember what would be written, and write nothing.
    """

    def __init__(self, root: Path, *, is_dry: bool = False) -> None:
        self.folder = root / "mlflow" / "experiments"
        self._is_dry = is_dry
        self._known: dict[str, Experiment] = {}

    def get(self, slug: str) -> Experiment | None:
        """Return what MLflow says about an experiment; None when it says nothing."""
        if slug in self._known:
            return self._known[slug]
        if not ids.is_name(slug):
            return None
        try:
            value = json.loads(files.read_bytes(self.folder / f"{slug}.json", MAX_FILE))
        except (ModelDeckError, ValueError, RecursionError):
            return None
        return _experiment(slug, value)

    def all(self) -> list[Experiment]:
        """Return all that MLflow says something about, by their names here."""
        try:
            names = sorted(path.stem for path in self.folder.glob("*.json"))
        except OSError:
            return []
        found = [self.get(name) for name in names]
        return [one for one in found if one is not None]

    def claim(
        self,
        name: str,
        *,
        created_ms: int = 0,
        is_deleted: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Experiment:
        """Return the experiment of a name, made when it is new.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        slug = slug_of(name)
        known = self.get(slug)
        if known is not None and known.name != name:
            slug = f"{slug[:54]}-{_mark(name)}"
            known = self.get(slug)
        if known is not None:
            return known
        made = Experiment(slug, name, created_ms, is_deleted=is_deleted, tags=dict(tags or {}))
        self.put(made, is_new=True)
        return self.get(slug) or made

    def put(self, experiment: Experiment, *, is_new: bool = False) -> None:
        """Keep what MLflow says about an experiment.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        if self._is_dry:
            self._known[experiment.slug] = experiment
            return
        value = {key: one for key, one in asdict(experiment).items() if key != "slug"}
        data = files.dumps({"v": 1, **value})
        files.make_folder(self.folder)
        path = self.folder / f"{experiment.slug}.json"
        if is_new:
            files.write_new(path, data, mode=0o644)
        else:
            files.replace(path, data)

    def change(self, experiment: Experiment, **changes: object) -> Experiment:
        """Keep an experiment with some of its values changed; return it."""
        changed = replace(experiment, **changes)  # type: ignore[arg-type]  # of the field's kind
        self.put(changed)
        return changed


def _experiment(slug: str, value: object) -> Experiment | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    created, tags = value.get("created_ms"), value.get("tags")
    known = tags if isinstance(tags, dict) else {}
    return Experiment(
        slug,
        value["name"],
        created if isinstance(created, int) else 0,
        is_deleted=value.get("is_deleted") is True,
        tags={str(key): str(one) for key, one in known.items()},
    )
