"""Reading a workspace into one snapshot, and saying what went wrong; runs in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modeldeck.domain.documents import DiffRow
from modeldeck.errors import ModelDeckError
from modeldeck_tui.output import write_bug_report
from modeldeck_tui.present import Snapshot

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

Diffs = dict[str, Sequence[DiffRow]]

N_LATEST = 40
N_RECENT = 20


def read(workspace: Workspace, known: Diffs, *, reviewed: Sequence[str]) -> Snapshot:
    """Read everything that the pages show; ``known`` holds the differences found before."""
    overview = workspace.overview
    releases = workspace.releases.list()
    runs = workspace.runs.list()
    tops = [one for one in runs if not one["parent"]]
    environments = workspace.environments
    wanted = {one["id"] for one in releases if one["is_open"]} | set(reviewed)
    return Snapshot(
        workspace=workspace.name,
        actor=workspace.actor.name,
        host=workspace.actor.host,
        read_only_because=workspace.read_only_because,
        at=workspace.now(),
        last_environment=environments[-1] if environments else "",
        inbox=overview.inbox(),
        live=[(one, workspace.traffic.last_minute(one["id"])) for one in overview.live()],
        running=[one for one in tops if one["status"] == "running"],
        recent=[one for one in tops if one["status"] != "running"][:N_RECENT],
        latest=overview.latest(N_LATEST),
        releases=releases,
        remarks=workspace.annotations.list(),
        diffs={one: known.get(one) or diff(workspace, one) for one in sorted(wanted)},
    )


def diff(workspace: Workspace, release: str) -> Sequence[DiffRow]:
    """Return what changes with a release; damage is one row of it, and hides nothing else."""
    try:
        return workspace.releases.diff(release)
    except ModelDeckError as error:
        row = DiffRow(
            section="unknown", name=str(error), before="", after="", delta="", better=None
        )
        return [row]


def explained(error: Exception) -> str:
    """Return what to tell the person about an error; a bug's traceback goes into a file."""
    if isinstance(error, ModelDeckError | OSError):
        return str(error)
    return f"ModelDeck has a bug: {type(error).__name__}. Please report {write_bug_report(error)}"
