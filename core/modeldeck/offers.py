"""What an open workspace offers, noun by noun: each part is loaded when it is first asked for.

Loading all of them takes a command a tenth of a second, and it needs one or two.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modeldeck.services.activity import Activity
    from modeldeck.services.annotations import Annotations
    from modeldeck.services.base.deck import Deck
    from modeldeck.services.base.views import Views
    from modeldeck.services.datasets.datasets import Datasets
    from modeldeck.services.deployments import Deployments
    from modeldeck.services.gates import Gates
    from modeldeck.services.governing.exceptional import Exceptional
    from modeldeck.services.governing.inbox import Inbox
    from modeldeck.services.governing.policies import Policies
    from modeldeck.services.governing.proposals import Proposals
    from modeldeck.services.governing.reviewing import Reviewing
    from modeldeck.services.history.owners import History
    from modeldeck.services.history.standing import Standing
    from modeldeck.services.lineage import Lineage
    from modeldeck.services.logs.service import Logs
    from modeldeck.services.members import Members
    from modeldeck.services.models import Models
    from modeldeck.services.moving.service import Moving
    from modeldeck.services.notifying.service import Notifying
    from modeldeck.services.overview import Overview
    from modeldeck.services.reading.reading import Reading
    from modeldeck.services.reading.shelving import Shelving
    from modeldeck.services.releases import Releases
    from modeldeck.services.runs import Runs, Training
    from modeldeck.services.talking.threads import Threads
    from modeldeck.services.traffic import Traffic
    from modeldeck.services.upkeep.upkeep import Upkeep
    from modeldeck.services.verify import Verify


class Daily:
    """The parts that the daily work is made of."""

    deck: Deck
    _views: Views

    @cached_property
    def runs(self) -> Runs:
        """The runs."""
        from modeldeck.services.runs import Runs

        return Runs(self.deck, self._views)

    @cached_property
    def training(self) -> Training:
        """Training pipelines in jobs."""
        from modeldeck.services.runs import Training

        return Training(self.deck)

    @cached_property
    def models(self) -> Models:
        """Models and their versions."""
        from modeldeck.services.models import Models

        return Models(self.deck, self._views)

    @cached_property
    def gates(self) -> Gates:
        """The checks that a version must pass."""
        from modeldeck.services.gates import Gates

        return Gates(self.deck, self.models)

    @cached_property
    def releases(self) -> Releases:
        """Asking for releases, reviewing, voting."""
        from modeldeck.services.releases import Releases

        return Releases(self.deck, self._views, models=self.models, gates=self.gates)

    @cached_property
    def deployments(self) -> Deployments:
        """What each endpoint serves."""
        from modeldeck.services.deployments import Deployments

        return Deployments(self.deck, self._views)

    @cached_property
    def traffic(self) -> Traffic:
        """What endpoints answered lately."""
        from modeldeck.services.traffic import Traffic

        return Traffic(self.deck)

    @cached_property
    def lineage(self) -> Lineage:
        """Where things come from, and what became of them."""
        from modeldeck.services.lineage import Lineage

        return Lineage(self.deck, self._views, runs=self.runs)

    @cached_property
    def annotations(self) -> Annotations:
        """What people said, and tags."""
        from modeldeck.services.annotations import Annotations

        return Annotations(self.deck, self._views)

    @cached_property
    def threads(self) -> Threads:
        """Discussions: threads about anything, their replies."""
        from modeldeck.services.talking.threads import Threads

        return Threads(self.deck, self.annotations)

    @cached_property
    def members(self) -> Members:
        """People, servers and CI jobs."""
        from modeldeck.services.members import Members

        return Members(self.deck, self._views)

    @cached_property
    def activity(self) -> Activity:
        """Every entry of the ledger as a line."""
        from modeldeck.services.activity import Activity

        return Activity(self.deck)

    @cached_property
    def logs(self) -> Logs:
        """What programs wrote."""
        from modeldeck.services.logs.service import Logs

        return Logs(self.deck, self.runs)

    @cached_property
    def ledger_check(self) -> Verify:
        """Whether the ledger holds."""
        from modeldeck.services.verify import Verify

        return Verify(self.deck)

    @cached_property
    def overview(self) -> Overview:
        """What needs somebody, what is live, what runs."""
        from modeldeck.services.overview import Overview

        return Overview(
            inbox=self.inbox,
            runs=self.runs,
            deployments=self.deployments,
            activity=self.activity,
        )

    @cached_property
    def proposals(self) -> Proposals:
        """What owners propose to each other: members, keys, the policy."""
        from modeldeck.services.governing.proposals import Proposals

        return Proposals(self.deck)

    @cached_property
    def inbox(self) -> Inbox:
        """What waits for somebody, what they wait for, what ends soon."""
        from modeldeck.services.governing.inbox import Inbox

        return Inbox(
            self.deck,
            runs=self.runs,
            releases=self.releases,
            deployments=self.deployments,
            threads=self.threads,
            proposals=self.proposals,
        )


class Offers(Daily):
    """All parts of a workspace."""

    @cached_property
    def policies(self) -> Policies:
        """The policy in force, and the one that modeldeck.toml proposes."""
        from modeldeck.services.governing.policies import Policies

        return Policies(self.deck)

    @cached_property
    def standing(self) -> Standing:
        """What is served after the last entry, and what that rests on."""
        from modeldeck.services.history.standing import Standing

        return Standing(self.deck, deployments=self.deployments, releases=self.releases)

    @cached_property
    def reviewing(self) -> Reviewing:
        """Releases with everything that a vote rests on, and voting as shown."""
        from modeldeck.services.governing.reviewing import Reviewing

        return Reviewing(
            self.deck,
            self._views,
            releases=self.releases,
            models=self.models,
            deployments=self.deployments,
            traffic=self.traffic,
        )

    @cached_property
    def exceptional(self) -> Exceptional:
        """Going past a rule, or back in an emergency: shown whole, then recorded as shown."""
        from modeldeck.services.governing.exceptional import Exceptional

        return Exceptional(
            self.deck,
            releases=self.releases,
            deployments=self.deployments,
            models=self.models,
        )

    @cached_property
    def notifying(self) -> Notifying:
        """Who is told of what, and what became of it."""
        from modeldeck.services.notifying.service import Notifying

        return Notifying(self.deck)

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
