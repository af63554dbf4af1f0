"""One release under review: its gate, what changes, the votes, and casting one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck.domain.documents import ReleaseDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.present import releases as present
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import release_status
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import STYLES, styled
from modeldeck_tui.widgets.table import Table


class ReviewScreen(VotingPage):
    """The review of one release.

    Parameters
    ----------
    release : str
        Its id.
    """

    NAME = "review"
    PLACE = "releases"
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")
    CSS = """
    #columns { height: 1fr; }
    #left { width: 1fr; }
    #gate { height: 1fr; }
    #votes { height: 1fr; }
    #changes { width: 1fr; height: 100%; }
    #detail { height: 4; padding: 0 1; }
    .-tall #detail { height: 7; }
    .-tall #gate { height: 16; }
    """

    def __init__(self, release: str) -> None:
        super().__init__()
        self.release_id = release

    def on_mount(self) -> None:
        """Have what changes read too."""
        self.show_frame()
        self.host.reload()

    def body(self) -> ComposeResult:
        """Make the three lists, and the place for details."""
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield Table("Gate", empty=("The gate has not run yet.",), id="gate")
                yield Table("Votes", empty=("Nobody has voted yet.",), id="votes")
            yield Table("What changes", empty=("Nothing differs.",), elastic=None, id="changes")
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
        self._show_detail()

    def _show_lists(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        gate = release["gate"]
        passed = "" if gate is None else "passed" if gate["passed"] else "failed"
        made = f" · by {clean(gate['made_by'])}" if gate else ""
        title = f"Gate · {passed}{made}" if passed else "Gate"
        self.query_one("#gate", Table).show_lines(present.checks(release), title=title)
        required = release["required"]
        counted = sum(
            1 for one in release["approvals"] if one["counts"] and one["verdict"] == "approve"
        )
        roles = ", ".join(f"{count} {role}" for role, count in required["roles"].items())
        asked = f"{counted} of {required['approvals']}{f' with {roles}' if roles else ''}"
        votes = [*present.votes(release, snapshot.at), *present.remarks(release, snapshot)]
        self.query_one("#votes", Table).show_lines(votes, title=f"Votes · {asked}")
        diff = snapshot.diffs.get(release["id"], ())
        before = release["replaces_version"] or "nothing"
        title = clean(f"Changes · {before} → {release['version']}")
        self.query_one("#changes", Table).show_lines(present.changes(diff), title=title)

    def _show_detail(self) -> None:
        release, snapshot = self.release, self.snapshot
        if release is None or snapshot is None:
            return
        text = styled(present.verdict(release, snapshot))
        if release["outdated_because"]:
            text.append(f"\n{clean(release['outdated_because'])}", STYLES["warn"])
        detail = self.focused.detail if isinstance(self.focused, Table) else ""
        text.append(f"\n{detail}" if detail else "")
        text.append(f"\nA vote binds to {release['basis'][:16]}", STYLES["dim"])
        self.query_one("#detail", Quiet).put(text)

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show more about the row under the cursor."""
        self._show_detail()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Show the whole evidence of a row."""
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
