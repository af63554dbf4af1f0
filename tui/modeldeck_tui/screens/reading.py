"""Reading a workspace into one snapshot, and saying what went wrong; runs in worker threads."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from modeldeck.domain.documents import ActivityDocument, DiffRow, RunDocument
from modeldeck.domain.filters.fields import shown
from modeldeck.domain.reading.reviews import InboxDocument, ProposalDocument
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck_tui.output import write_bug_report
from modeldeck_tui.present.governing.talking import spoken
from modeldeck_tui.present.snapshot import Snapshot

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

N_RECENT = 20
SHELF = ("archived", "deleted")
"""Runs that lists leave out are read too: filters may ask for them."""

RATES_EVERY_S = 10.0


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Keep what is made within from the garbage collector, for good.

    A pass over the documents of 100,000 runs takes a tenth of a second in which no key is answered;
    they hold no cycles, so that nothing is lost by leaving them out.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _runs(workspace: Workspace, known: Snapshot | None) -> Sequence[RunDocument]:
    """Return all runs; the first time they are all new, and may be many."""
    if known is not None and known.runs:
        return workspace.runs.list(shelf=SHELF)
    with unwatched():
        return workspace.runs.list(shelf=SHELF)


def read(
    workspace: Workspace,
    known: Snapshot | None,
    *,
    reviewed: Sequence[str],
    has_runs: bool = True,
) -> Snapshot:
    """Read everything that the pages show; what cannot have changed is taken from ``known``."""
    overview = workspace.overview
    inbox = workspace.inbox.read(has_runs=has_runs)
    releases = workspace.releases.list()
    runs = _runs(workspace, known) if has_runs else ()
    running, recent = _tops(runs, known)
    wanted = {one["id"] for one in releases if one["is_open"]} | set(reviewed)
    diffs = known.diffs if known else {}
    live = overview.live()
    rates, rates_at = _rates(workspace, known, endpoints=[one["id"] for one in live])
    return Snapshot(
        workspace=workspace.name,
        actor=workspace.actor.name,
        host=workspace.actor.host,
        read_only_because=workspace.read_only_because,
        at=workspace.now(),
        as_of=workspace.deck.as_of,
        environments=workspace.environments,
        pipelines=workspace.training.names(),
        is_whole=has_runs,
        is_member=workspace.deck.member is not None,
        inbox=inbox["waiting"],
        mine=inbox["mine"],
        expiring=inbox["expiring"],
        live=[(one, workspace.traffic.last_minute(one["id"])) for one in live],
        runs=runs,
        running=running,
        recent=recent,
        latest=_activity(workspace, known),
        latest_revision=workspace.activity.revision,
        models=workspace.models.list(),
        versions=workspace.models.versions(),
        releases=releases,
        remarks=workspace.annotations.list(),
        datasets=workspace.datasets.list(),
        proposals=_proposals(workspace, inbox),
        diffs={one: diffs.get(one) or diff(workspace, one) for one in sorted(wanted)},
        no_rollback=_no_rollback(workspace, [one["environment"] for one in live]),
        no_exception=workspace.exceptional.why_not(),
        rates=rates,
        rates_at=rates_at,
    )


def _proposals(workspace: Workspace, inbox: InboxDocument) -> Sequence[ProposalDocument]:
    """Return the proposals that wait, where one is in the inbox: an agent is asked for them."""
    shown = (*inbox["waiting"], *inbox["mine"])
    has_some = any(one["subject"].startswith("proposal:") for one in shown)
    return workspace.proposals.list() if has_some else ()


def _no_rollback(workspace: Workspace, environments: Sequence[str]) -> Mapping[str, str]:
    found = {one: workspace.deployments.why_no_rollback(one) for one in set(environments)}
    return {one: because for one, because in found.items() if because}


def _rates(
    workspace: Workspace, known: Snapshot | None, *, endpoints: Sequence[str]
) -> tuple[Mapping[str, Sequence[float | None]], float]:
    """Return the traffic of some endpoints over ten minutes; anew every few seconds only."""
    now = time.monotonic()
    if known is None:  # the first screen waits for nothing
        return {}, 0.0
    if now - known.rates_at < RATES_EVERY_S and set(known.rates) == set(endpoints):
        return known.rates, known.rates_at
    series = {one: workspace.traffic.series(one) for one in endpoints}
    found = {
        one: [part["requests_per_s"] if part["p95_s"] is not None else None for part in parts]
        for one, parts in series.items()
    }
    return found, now


def _tops(
    runs: Sequence[RunDocument], known: Snapshot | None
) -> tuple[Sequence[RunDocument], Sequence[RunDocument]]:
    """Return the runs that run, and those that ended last, without the candidates of a search."""
    if known is not None and known.runs is runs:
        return known.running, known.recent
    tops = [one for one in shown(runs, "") if not one["parent"]]
    ended = [one for one in tops if one["status"] != "running"]
    return [one for one in tops if one["status"] == "running"], ended[:N_RECENT]


def _activity(workspace: Workspace, known: Snapshot | None) -> Sequence[ActivityDocument]:
    """Return all entries, newest first; those that were read before are not read again.

    Unless something later changed how they are shown: a broken place, a text that was removed.
    """
    is_same = known is not None and known.latest_revision == workspace.activity.revision
    before = known.latest if known is not None and is_same else ()
    later = workspace.activity.list(since_n=before[0]["n"] if before else 0)
    if before and not later:
        return before
    return [*later, *before]


def diff(workspace: Workspace, release: str) -> Sequence[DiffRow]:
    """Return what changes with a release; damage is one row of it, and hides nothing else."""
    try:
        return workspace.releases.diff(release)
    except ModelDeckError as error:
        row = DiffRow(
            section="unknown", name=str(error), before="", after="", delta="", better=None
        )
        return [row]


def document_of(workspace: Workspace, entity: str) -> object:
    """Return the document of something that snapshots do not hold, by its row's key.

    Raises
    ------
    NotFoundError
        There is no document of that.
    """
    known = spoken(entity)
    if known is not None and known.thread:
        with contextlib.suppress(NotFoundError):
            return workspace.threads.show(known.thread)
    if known is not None:
        for one in workspace.annotations.list():
            if one["id"] == (known.remark or known.thread):
                return one
    if entity.startswith("entry:"):
        return workspace.activity.entry(int(entity.partition(":")[2]))
    msg = f"{entity[:80]} has no JSON of its own."
    raise NotFoundError(msg, "Open it with enter.")


def explained(error: Exception) -> str:
    """Return what to tell the person about an error; a bug's traceback goes into a file."""
    if isinstance(error, ModelDeckError | OSError):
        return str(error)
    return f"ModelDeck has a bug: {type(error).__name__}. Please report {write_bug_report(error)}"
