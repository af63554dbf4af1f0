"""The overview: what concerns the actor, what is live, what runs, what happened last."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import (
    ActivityDocument,
    EndpointDocument,
    InboxItem,
    RunDocument,
)
from modeldeck.services.activity import Activity
from modeldeck.services.deployments import Deployments
from modeldeck.services.governing.inbox import MINE, Inbox
from modeldeck.services.runs import Runs


class Overview:
    """What a person wants to see first."""

    def __init__(
        self, *, inbox: Inbox, runs: Runs, deployments: Deployments, activity: Activity
    ) -> None:
        self._inbox = inbox
        self._runs = runs
        self._deployments = deployments
        self._activity = activity

    def inbox(self, *, has_runs: bool = True) -> Sequence[InboxItem]:
        """Return what waits for the actor, and what of theirs ends soon, the most urgent first.

        Parameters
        ----------
        has_runs : bool
            Whether runs count, which costs reading them all the first time.
        """
        return [one for one in self._inbox.items(has_runs=has_runs) if one["kind"] not in MINE]

    def live(self) -> Sequence[EndpointDocument]:
        """Return the endpoints."""
        return self._deployments.list()

    def running(self) -> Sequence[RunDocument]:
        """Return the runs that run."""
        return self._runs.list(status="running")

    def latest(self, limit: int = 20) -> Sequence[ActivityDocument]:
        """Return the last entries of the ledger, newest first."""
        return self._activity.list(limit)
