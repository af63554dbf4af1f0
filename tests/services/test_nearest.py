"""A name that nothing has is refused with the nearest one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from modeldeck.errors import NotFoundError
from modeldeck.services.datasets.datasets import Datasets
from modeldeck.services.releases import Releases

VIEWS: Any = SimpleNamespace(
    releases=lambda: [{"id": "churn-12"}, {"id": "tumour-1"}],
    datasets=lambda: [{"id": "sales@3", "name": "sales"}, {"id": "rows@1", "name": "rows"}],
)
DECK: Any = SimpleNamespace()


@pytest.mark.parametrize(
    ("typed", "near"),
    [("chrun-12", "churn-12"), ("release:churn12", "churn-12"), ("tumuor-1", "tumour-1")],
)
def test_release_that_is_mistyped_is_refused_with_the_nearest(typed: str, near: str) -> None:
    """As runs and models are."""
    with pytest.raises(NotFoundError) as caught:
        Releases(DECK, VIEWS, models=DECK, gates=DECK).show(typed)
    assert caught.value.hint.startswith(f"Did you mean {near}? ")


@pytest.mark.parametrize(
    ("typed", "near"),
    [("slaes", "sales"), ("dataset:salse@3", "sales@3"), ("sales@4", "sales@3"), ("rwos", "rows")],
)
def test_dataset_that_is_mistyped_is_refused_with_the_nearest(typed: str, near: str) -> None:
    """A dataset, and a version of one."""
    with pytest.raises(NotFoundError) as caught:
        Datasets(DECK, VIEWS).version(typed)
    assert caught.value.hint.startswith(f"Did you mean {near}? ")
