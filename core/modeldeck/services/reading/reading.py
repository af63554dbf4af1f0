"""Reading runs closely: comparing several, and everything about one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from modeldeck import ids
from modeldeck.domain.documents import (
    ArtifactDocument,
    ChildDocument,
    ComparisonDocument,
    PointDocument,
    RunDetailDocument,
    RunDocument,
)
from modeldeck.domain.filters import query
from modeldeck.domain.metrics import in_order
from modeldeck.domain.reading import comparing
from modeldeck.errors import NotFoundError, UsageError
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views, as_said
from modeldeck.services.reading import facts
from modeldeck.services.reading.naming import resolve_all
from modeldeck.services.runs import Runs

MOST_COMPARED = 200
"""Runs that are compared at once."""


class Reading:
    """Close looks at the runs of one workspace."""

    def __init__(self, deck: Deck, views: Views, *, runs: Runs) -> None:
        self.deck = deck
        self.views = views
        self.runs = runs

    def compare(self, typed: Sequence[str]) -> ComparisonDocument:
        """Return what is the same in runs and what differs: see :func:`comparing.compare`.

        Parameters
        ----------
        typed : sequence of str
            Any unique endings of the ids of two to 200 runs.

        Raises
        ------
        UsageError
            They are fewer or more, or an ending fits several runs.
        NotFoundError
            No run ends so.
        """
        runs = resolve_all(typed, self.deck.runs.ids())
        if not 2 <= len(runs) <= MOST_COMPARED:
            msg = f"Two to {MOST_COMPARED} different runs can be compared; these are {len(runs)}."
            raise UsageError(msg, "`modeldeck run compare A B …`")
        return comparing.compare([facts.facts_of(self.deck.runs, one) for one in self._read(runs)])

    def _read(self, runs: Iterable[str]) -> list[RunDocument]:
        found = [self.deck.runs.document(one) for one in runs]
        with self.deck.reading() as state:
            return [as_said(one, state) for one in found]

    def detail(self, typed: str) -> RunDetailDocument:
        """Return a run with everything that its folder and the ledger say.

        Raises
        ------
        NotFoundError, UsageError
            No run, or several, end so.
        """
        run = self.runs.show(typed)
        folder = self.deck.runs.folder(run["id"])
        known = facts.facts_of(self.deck.runs, run)
        argv = known.told.get("argv")
        with self.deck.reading() as state:
            versions = [one.id for one in state.versions.values() if one.run == run["id"]]
        return RunDetailDocument(
            **run,
            folder=str(folder),
            argv=[str(one) for one in argv] if isinstance(argv, list) else [],
            seed=known.told.get("seed"),
            data=comparing.data(known),
            code=comparing.code(known),
            environment=comparing.environment(known),
            goals={
                name: comparing.direction(name, [known])
                for name in in_order(run["metrics"], comparing.defined(known))
            },
            artifacts=[
                ArtifactDocument(path=path, size_bytes=size)
                for path, size in self.runs.files(run["id"])
            ],
            system=facts.system(folder),
            annotations=[
                one for one in self.views.annotations() if one["subject"] == f"run:{run['id']}"
            ],
            children=self._children(run["id"]),
            versions=versions,
        )

    def points(self, typed: str, metrics: Collection[str] = ()) -> list[PointDocument]:
        """Return every value that a run logged, metric after metric, in the order of logging.

        Parameters
        ----------
        typed : str
            Any unique ending of its id.
        metrics : collection of str
            Only these; empty takes all.

        Raises
        ------
        NotFoundError
            The run, or such a metric, is not there.
        """
        run = self.runs.resolve(typed)
        found: dict[str, list[PointDocument]] = {}
        for number, one in enumerate(self.deck.runs.metrics(run)):
            for name, value in facts.values(one):
                point = facts.point(name, value, record=one, number=number)
                found.setdefault(name, []).append(point)
        missing = next((one for one in metrics if one not in found), "")
        if missing:
            likely = query.nearest(missing, found)
            msg = f"Run {ids.short(run)} has logged no metric {missing[:80]!r}."
            raise NotFoundError(msg, f"{likely} is the nearest." if likely else "")
        return [each for name in (metrics or found) for each in found[name]]

    def _children(self, run: str) -> list[ChildDocument]:
        return [
            ChildDocument(id=one["id"], name=one["name"], status=one["status"])
            for one in reversed(self.views.runs())
            if one["parent"] == run
        ]
