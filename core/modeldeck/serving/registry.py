"""What a server serves: loaded versions, each swapped in by replacing one reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modeldeck.ml.persistence import load_model, predict, read_signature
from modeldeck.serving.rows import Row, RowChecker


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded version, ready to answer.

    Attributes
    ----------
    model, version : str
        As in ``churn`` and ``7``.
    manifest : str
        The version's identity.
    generation : int
        Of the endpoint's pointer that named it.
    signature : Mapping
        The contents of ``signature.json``.
    """

    model: str
    version: str
    manifest: str
    generation: int
    signature: Mapping[str, Any]
    estimator: object = field(repr=False)
    checker: RowChecker = field(repr=False)

    def at(self, generation: int) -> Served:
        """Return the same version for a later generation of the pointer."""
        return replace(self, generation=generation)

    def predict(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Predict rows that were checked."""
        return predict(self.estimator, self.signature, rows=rows)


def load(folder: Path, *, model: str, version: str, manifest: str, generation: int) -> Served:
    """Load a version from a folder whose files were verified, and try its example rows.

    Raises
    ------
    ModelDeckError
        It does not load, or answers its examples otherwise than recorded.
    """
    signature = read_signature(folder)
    return Served(
        model=model,
        version=version,
        manifest=manifest,
        generation=generation,
        signature=signature,
        estimator=load_model(folder),
        checker=RowChecker(signature["inputs"]),
    )


class Registry:
    """The served versions by model; read by requests, replaced by the thread that follows.

    ``problem`` says why the ledger is not followed just now; empty while it is.
    """

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self._known: set[str] = set()
        self.swaps = 0
        self.problem = ""

    def get(self, model: str) -> Served | None:
        """Return what answers for a model now."""
        return self._served.get(model)

    def is_known(self, model: str) -> bool:
        """Say whether a model has, or had, an endpoint here."""
        return model in self._known

    def expect(self, model: str) -> None:
        """Note that a model has an endpoint here, whose version may still be on its way."""
        self._known.add(model)

    def all(self) -> list[Served]:
        """Return all served versions."""
        return list(self._served.values())

    def put(self, served: Served) -> None:
        """Let a version answer from the next request on."""
        self._known.add(served.model)
        self._served = {**self._served, served.model: served}
        self.swaps += 1

    def remove(self, model: str) -> None:
        """Let nothing answer for a model any more."""
        self._known.add(model)
        self._served = {name: one for name, one in self._served.items() if name != model}
