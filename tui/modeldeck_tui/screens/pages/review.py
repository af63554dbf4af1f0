"""One release under review: its gate, what changes, votes, files; approved, it is the rollout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from modeldeck.domain.documents import LineageRow, ReleaseDocument, TrafficBucket
from modeldeck_tui.clean import clean
from modeldeck_tui.output import cell_width
from modeldeck_tui.present import models, rollout
from modeldeck_tui.present import releases as present
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import release_status
from modeldeck_tui.screens.pages.settling import Settling
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.columns import GAP
from modeldeck_tui.widgets.frame import WIDE, Quiet
from modeldeck_tui.widgets.styles import STYLES, styled
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs

_GUTTER = 2


class Background(NamedTuple):
    """What the manifests of a release say: files of both versions, and the way to the new one."""

    files: Sequence[tuple[str, str]]
    before: Sequence[tuple[str, str]]
    lineage: Sequence[LineageRow]


class ReviewScreen(VotingPage, Settling):
    """The review of one release.

    Parameters
    ----------
    release : str
        Its id.
    """

    NAME = "review"
    PLACE = "releases"
    AUTO_FOCUS = "#gate"
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")
    CSS = """
    #columns { height: 1fr; layout: vertical; }
    #left { height: auto; }
    #right { height: 1fr; }
    #rollout { height: 34vh; max-height: 9; display: none; }
    #boxes { height: 34vh; max-height: 8; layout: horizontal; }
    #gate { width: 1fr; height: 100%; }
    #votes { width: 1fr; height: 100%; }
    #more { height: 1fr; }
    #thread { display: none; }
    #detail { height: auto; max-height: 3; padding: 0 1; }
    .-rollout #rollout { display: block; }
    .-rollout #boxes { height: 22vh; }
    .-wide #columns { layout: horizontal; }
    .-wide #left { width: 2fr; height: 100%; }
    .-wide #right { width: 3fr; height: 100%; }
    .-wide #boxes { height: 1fr; max-height: 100%; layout: vertical; }
    .-wide #gate { height: auto; min-height: 4; max-height: 50%; }
    .-wide #votes { height: 1fr; }
    .-wide #thread { display: block; height: auto; min-height: 3; max-height: 40%; }
    .-wide.-rollout #left { width: 54; }
    .-wide.-rollout #right { width: 1fr; }
    .-tall #rollout { max-height: 14; height: auto; }
    #left.-all, #left.-more, #boxes.-all, #boxes.-more, #rollout.-all, #rollout.-more,
    #gate.-all, #gate.-more, #thread.-all, #thread.-more { max-height: 100%; }
    """

    def __init__(self, release: str) -> None:
        super().__init__()
        self.release_id = release
        self._read_for: object = None
        self._buckets: Sequence[TrafficBucket] = ()

    def on_mount(self) -> None:
        """Have what changes read too."""
        self.show_frame()
        self.host.reload()

    def body(self) -> ComposeResult:
        """Make the lists, and the place for details."""
        with Container(id="columns"):
            with Vertical(id="left"):
                yield Table("Rollout", id="rollout")
                with Container(id="boxes"):
                    yield Table("Gate", empty=("The gate has not run yet.",), id="gate")
                    yield Table("Votes", empty=("Nobody has voted yet.",), id="votes")
            with Vertical(id="right"):
                yield Tabs(
                    [
                        ("Changes", Table("", empty=("Nothing differs.",), elastic=None,
                                          id="changes")),
                        ("Files", Table("", empty=("reading …",), id="files")),
                        ("Lineage", Table("", empty=("reading …",), id="lineage")),
                    ],
                    id="more",
                )  # fmt: skip
                yield Table("Annotations", empty=("c writes one.",), id="thread")
        yield Quiet(id="detail", markup=False)

    @property
    def release(self) -> ReleaseDocument | None:
        """The release as it was read last."""
        return self.snapshot.release(self.release_id) if self.snapshot else None

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        release = self.release
        if release is None:
            self.crumb(f"Releases › {clean(self.release_id)}", "is not there", style="bad")
            return
        status = release_status(release["status"])
        before = release["replaces_version"] or "nothing"
        path = f"{before} → {release['version']} @{release['environment']}"
        title = f"Releases › {clean(release['id'])}   {clean(path)}"
        self.crumb(title, status.text, style=status.style)
        self._show_lists(release, snapshot)
        self._show_rollout(release, snapshot)
        self._read_more(release, snapshot)
        self.show_more(snapshot)

    def _show_lists(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        gate = release["gate"]
        passed = "" if gate is None else "passed" if gate["passed"] else "failed"
        made = f" · by {clean(gate['made_by'])}" if gate else ""
        title = f"Gate · {passed}{made}" if passed else "Gate"
        self.query_one("#gate", Table).show_lines(present.checks(release), title=title)
        votes, said = present.votes(release, snapshot.at), present.remarks(release, snapshot)
        rest = [] if self.size.width >= WIDE else said
        title = present.votes_title(release)
        self.query_one("#votes", Table).show_lines([*votes, *rest], title=title)
        self.query_one("#thread", Table).show_lines(said)
        changes = self.query_one("#changes", Table)
        changes.titles = present.changed(release)
        changes.show_lines(present.changes(snapshot.diffs.get(release["id"], ())))
        before = release["replaces_version"] or "nothing"
        name = clean(f"Changes · {before} → {release['version']}")
        self.query_one("#more", Tabs).entitle(0, name)

    def _show_rollout(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        is_on = rollout.is_on(release)
        self.set_class(is_on, "-rollout")
        if is_on:
            self.query_one("#rollout", Table).show_lines(
                rollout.lines(release, snapshot, buckets=self._buckets),
                title=rollout.title(release, snapshot),
            )

    def _read_more(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        state = (release["status"], release["version"], release["replaces_version"])
        if state != self._read_for:
            self._read_for = state
            self.fetch("background", lambda: self._read(release))
        if rollout.is_on(release):
            name, window_s = rollout.endpoint_of(release), rollout.window_s(release, snapshot.at)
            series = self.workspace.traffic.series
            self.fetch("traffic", lambda: series(name, window_s=window_s))

    def _read(self, release: ReleaseDocument) -> Background:
        files, before = self.workspace.models.files, release["replaces_version"]
        return Background(
            files=files(release["version"]),
            before=files(before) if before else (),
            lineage=self.workspace.lineage.of(f"version:{release['version']}"),
        )

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what the manifests say, or the traffic of the rollout."""
        release, snapshot = self.release, self.snapshot
        if tag == "background":
            known: Background = value
            self.query_one("#files", Table).show_lines(models.files(known.files, known.before))
            self.query_one("#lineage", Table).show_lines(models.lineage(known.lineage))
        elif release is not None and snapshot is not None:
            self._buckets = value
            self._show_rollout(release, snapshot)

    def show_more(self, snapshot: Snapshot) -> None:
        """Show whether the person may vote, and what the row under the cursor says beyond it."""
        release = self.release
        if release is None:
            return
        text = styled(present.verdict(release, snapshot))
        if release["outdated_because"]:
            text.append(f"\n{clean(release['outdated_because'])}", STYLES["warn"])
        detail = _beyond(self.focused) if isinstance(self.focused, Table) else ""
        bound = f"A vote binds to {release['basis'][:12]}" if release["is_open"] else ""
        if bound or detail:
            text.append("\n")
            text.append(bound, STYLES["dim"])
            text.append(f"{' · ' if bound and detail else ''}{detail}")
        self.query_one("#detail", Quiet).put(text)

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show more about the row under the cursor."""
        self.settle()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Show the whole evidence of a row; go where the lineage leads."""
        if event.table.id == "lineage":
            return
        event.prevent_default()
        if event.table.detail:
            self.host.tell(event.table.detail)

    def action_diff(self) -> None:
        """Show everything that differs, as one text."""
        release, snapshot = self.release, self.snapshot
        if release is not None and snapshot is not None:
            before = release["replaces_version"] or "nothing"
            title = clean(f"Releases › {release['id']} › {before} → {release['version']}")
            lines = present.difference(snapshot.diffs.get(release["id"], ()))
            place, about = self.PLACE, self.entity()
            self.app.push_screen(ReaderScreen(title, lines, place=place, about=about))

    def entity(self) -> str:
        """Return this release."""
        return f"release:{self.release_id}"

    @property
    def is_review(self) -> bool:
        """Whether this page shows everything that a vote rests on: it does."""
        return True


def _beyond(table: Table) -> str:
    """Return the longer text about the row under the cursor, unless the row itself shows it."""
    if not table.detail:
        return ""
    line = table.rows[table.cursor]
    shown = [cell.text for cell in line.cells]
    if table.detail not in " ".join(shown):
        return table.detail
    widths = [
        max(cell_width(row.cells[at].text) for row in table.rows.documents if at < len(row.cells))
        for at in range(len(shown) - 1)
    ]
    whole = _GUTTER + sum(widths) + GAP * len(widths) + cell_width(shown[-1])
    return "" if whole <= table.scrollable_content_region.width else table.detail
