"""What an open workspace offers beside the daily: each part is loaded when it is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modeldeck.services.base.deck import Deck
    from modeldeck.services.base.views import Views
    from modeldeck.services.datasets.datasets import Datasets
    from modeldeck.services.governing.policies import Policies
    from modeldeck.services.history.owners import History
    from modeldeck.services.models import Models
    from modeldeck.services.moving.service import Moving
    from modeldeck.services.reading.reading import Reading
    from modeldeck.services.reading.shelving import Shelving
    from modeldeck.services.runs import Runs
    from modeldeck.services.upkeep.upkeep import Upkeep


class Offers:
    """The parts of a workspace that few commands need."""

    deck: Deck
    models: Models
    runs: Runs
    _views: Views

    @cached_property
    def policies(self) -> Policies:
        """The policy in force, and the one that modeldeck.toml proposes."""
        from modeldeck.services.governing.policies import Policies

        return Policies(self.deck)

    @cached_property
    def moving(self) -> Moving:
        """Moving in and out: MLflow, other workspaces."""
        from modeldeck.services.moving.service import Moving

        return Moving(self.deck, models=self.models, runs=self.runs)

    @cached_property
    def upkeep(self) -> Upkeep:
        """Looking after the folder: its health, its protection, garbage collection."""
        from modeldeck.services.upkeep.upkeep import Upkeep

        return Upkeep(self.deck)

    @cached_property
    def datasets(self) -> Datasets:
        """The datasets and their versions."""
        from modeldeck.services.datasets.datasets import Datasets

        return Datasets(self.deck, self._views)

    @cached_property
    def reading(self) -> Reading:
        """Close looks at runs: comparing, everything about one, every point of a metric."""
        from modeldeck.services.reading.reading import Reading

        return Reading(self.deck, self._views, runs=self.runs)

    @cached_property
    def shelf(self) -> Shelving:
        """Archiving and deleting runs."""
        from modeldeck.services.reading.shelving import Shelving

        return Shelving(self.deck, self._views)

    @cached_property
    def history(self) -> History:
        """The services about the ledger's own history."""
        from modeldeck.services.history.owners import History

        return History(self.deck)
