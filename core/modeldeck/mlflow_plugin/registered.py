r"""What only MLflow knows of registered models and their versions.

A model begins to exist here with its first version; MLflow makes it first, by a name of its own.
What it says is in ``mlflow/registry/<model>.json``, and about a version, which is registered in the
ledger, in ``mlflow/registry/<model>@<n>.json``::

    {
        "v": 1,
        "name": "Team/Churn",
        "created_ms": 1795632649073,
        "changed_ms": 1795632649073,
        "description": "",
        "tags": {},
    }
    {
        "v": 1,
        "source": "models:/m-…",
        "model_id": "m-…",
        "description": "",
        "changed_ms": 1795632649999,
    }

A model without such a file has its name here, a version its run's files as source.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.services.moving.experiments import slug_of
from modeldeck.store import files

MAX_FILE = 1 << 20


@dataclass(frozen=True)
class RegisteredName:
    """A registered model as MLflow sees it; ``slug`` is the model's name here."""

    slug: str
    name: str
    created_ms: int = 0
    changed_ms: int = 0
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What MLflow said about a version when it was registered, and since."""

    source: str = ""
    model_id: str = ""
    description: str = ""
    changed_ms: int = 0


class Registered:
    """What MLflow says about the models of a workspace."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "mlflow" / "registry"

    def all(self, models: Collection[str]) -> list[RegisteredName]:
        """Return all registered models: those that MLflow made, and those that have versions."""
        found = {}
        try:
            slugs = sorted(path.stem for path in self.folder.glob("*.json") if "@" not in path.stem)
        except OSError:
            slugs = []
        for slug in [*slugs, *sorted(models)]:
            known = self._read(slug)
            if known is not None or slug in models:
                found[slug] = known or RegisteredName(slug, slug)
        return list(found.values())

    def claim(self, name: str, models: Collection[str], *, about: RegisteredName) -> str:
        """Make a registered model of a name that is new; return its name here.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        slug = slug_of(name)
        if slug != name and (slug in models or self._read(slug) is not None):
            slug = f"{slug[:54]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        self.put(replace(about, slug=slug, name=name))
        return slug

    def put(self, known: RegisteredName) -> None:
        """Keep what MLflow says about a model.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        value = {key: one for key, one in asdict(known).items() if key != "slug"}
        self._write(known.slug, {**value, "changed_ms": milliseconds_now()})

    def about(self, version: str) -> About:
        """Return what MLflow says about a version, such as ``churn@3``."""
        value = self._value(version)
        texts = {key: str(value.get(key, "")) for key in ("source", "model_id", "description")}
        changed = value.get("changed_ms")
        return About(**texts, changed_ms=changed if isinstance(changed, int) else 0)

    def say(self, version: str, about: About) -> None:
        """Keep what MLflow says about a version.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        self._write(version, {**asdict(about), "changed_ms": milliseconds_now()})

    def _read(self, slug: str) -> RegisteredName | None:
        value = self._value(slug)
        created, changed = value.get("created_ms"), value.get("changed_ms")
        tags = value.get("tags")
        if not isinstance(value.get("name"), str):
            return None
        return RegisteredName(
            slug,
            str(value["name"]),
            created if isinstance(created, int) else 0,
            changed if isinstance(changed, int) else 0,
            str(value.get("description", "")),
            {str(key): str(one) for key, one in tags.items()} if isinstance(tags, dict) else {},
        )

    def _value(self, name: str) -> dict[str, object]:
        try:
            value = json.loads(files.read_bytes(self.folder / f"{name}.json", MAX_FILE))
        except (ModelDeckError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, name: str, value: dict[str, object]) -> None:
        files.make_folder(self.folder)
        files.replace(self.folder / f"{name}.json", files.dumps({"v": 1, **value}))


def milliseconds_now() -> int:
    """Return the time as MLflow counts it."""
    return int(time.time() * 1000)
