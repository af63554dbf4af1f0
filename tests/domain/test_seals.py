"""Seals of prediction logs: by servers of the environment, each file once, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from modeldeck.domain.entry import Json
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from tests.domain.chain import World, digest

ENDPOINT = "churn@production"


@pytest.fixture
def shipped(world: World) -> World:
    """Return a world in which a version is live."""
    world.ship(world.register())
    return world


def seal(world: World, *files: Json, by: str = "server", endpoint: str = ENDPOINT) -> None:
    """Seal files of an endpoint."""
    world.act(by, "predictions.seal", f"endpoint:{endpoint}", {"files": [*files]})


def one(**other: Any) -> dict[str, Json]:  # noqa: ANN401 -- whatever somebody writes
    """Return what an entry says of a file, with something else in it."""
    return {
        "name": "predictions-a-7-1.jsonl",
        "sha256": digest("x"),
        "size_bytes": 7,
        **other,
    }


def test_sealed_file_is_known_and_sealed_once(shipped: World) -> None:
    """A second seal of it is refused; other files are taken."""
    seal(shipped, one(), one(name="predictions-a-7-2.jsonl"))
    n = shipped.state.n
    assert shipped.state.seals[ENDPOINT, "predictions-a-7-1.jsonl"] == n
    with pytest.raises(ConflictError, match=f"entry {n}"):
        seal(shipped, one(sha256=digest("y")))
    seal(shipped, one(name="predictions-a-7-3.jsonl"))


@pytest.mark.parametrize(
    ("files", "who", "error"),
    [
        ([one()], {"by": "bob"}, NotPermittedError),
        ([one()], {"endpoint": "other@production"}, NotFoundError),
        ([], {}, InvalidInputError),
        ([one(), one()], {}, InvalidInputError),
        ([one(name=f"predictions-{n}.jsonl") for n in range(201)], {}, InvalidInputError),
        ([one(name="../predictions-a.jsonl")], {}, InvalidInputError),
        ([one(name="predictions-a/b.jsonl")], {}, InvalidInputError),
        ([one(name="predictions-a.jsonl\n")], {}, InvalidInputError),
        ([one(sha256="x")], {}, InvalidInputError),
        ([one(size_bytes=-1)], {}, InvalidInputError),
        ([one(size_bytes=True)], {}, InvalidInputError),
        ([one(more="")], {}, InvalidInputError),
        (["predictions-a-7-1.jsonl"], {}, InvalidInputError),
    ],
)
def test_seal_of_anything_else_is_refused(
    shipped: World, files: list[Json], who: dict[str, str], error: type[ModelDeckError]
) -> None:
    """Neither people nor odd names, digests and sizes."""
    with pytest.raises(error):
        seal(shipped, *files, **who)
    assert not shipped.state.seals
