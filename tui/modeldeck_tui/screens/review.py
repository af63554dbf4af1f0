"""One release under review: its gate, what changes, the votes, and casting one."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck.domain.documents import ReleaseDocument
from modeldeck_tui import present
from modeldeck_tui.clean import clean
from modeldeck_tui.present import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.dialogs import Vote, VoteDialog
from modeldeck_tui.widgets.bindings import STYLES, bindings
from modeldeck_tui.widgets.frame import Crumb, Quiet
from modeldeck_tui.widgets.row_list import RowList


class ReviewScreen(Page):
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
        self.app.reload()  # type: ignore[attr-defined]  # our own app

    def body(self) -> ComposeResult:
        """Make the three lists, and the place for details."""
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield RowList("Gate", empty=("The gate has not run yet.",), id="gate")
                yield RowList("Votes", empty=("Nobody has voted yet.",), id="votes")
            yield RowList("What changes", empty=("Nothing differs.",), id="changes")
        yield Quiet(id="detail", markup=False)

    @property
    def release(self) -> ReleaseDocument | None:
        """The release as it was read last."""
        return self.snapshot.release(self.release_id) if self.snapshot else None

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        release = self.release
        if release is None:
            self.query_one(Crumb).show(f"Releases › {clean(self.release_id)}", "is not there")
            return
        status = present.RELEASES.get(release["status"], present.cell(release["status"]))
        before = release["replaces_version"] or "nothing"
        path = f"{before} → {release['version']} @{release['environment']}"
        self.query_one(Crumb).show(
            f"Releases › {clean(release['id'])}   {clean(path)}",
            status.text,
            style={"good": "green", "bad": "red", "warn": "yellow"}.get(status.style, ""),
        )
        self._show_lists(release, snapshot)
        self._show_detail()

    def _show_lists(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        gate = release["gate"]
        passed = "" if gate is None else "passed" if gate["passed"] else "failed"
        made = f" · by {clean(gate['made_by'])}" if gate else ""
        title = f"Gate · {passed}{made}" if passed else "Gate"
        self.query_one("#gate", RowList).show(present.checks(release), title=title)
        required = release["required"]
        counted = sum(
            1 for one in release["approvals"] if one["counts"] and one["verdict"] == "approve"
        )
        roles = ", ".join(f"{count} {role}" for role, count in required["roles"].items())
        asked = f"{counted} of {required['approvals']}{f' with {roles}' if roles else ''}"
        votes = [*present.votes(release, snapshot.at), *present.remarks(release, snapshot)]
        self.query_one("#votes", RowList).show(votes, title=f"Votes · {asked}")
        diff = snapshot.diffs.get(release["id"], ())
        before = release["replaces_version"] or "nothing"
        title = clean(f"Changes · {before} → {release['version']}")
        self.query_one("#changes", RowList).show(present.changes(diff), title=title)

    def _show_detail(self) -> None:
        release, snapshot = self.release, self.snapshot
        if release is None or snapshot is None:
            return
        text = Text.assemble(*self._verdict(release, snapshot))
        if release["outdated_because"]:
            text.append(f"\n{clean(release['outdated_because'])}", STYLES["warn"])
        detail = self.focused.detail if isinstance(self.focused, RowList) else ""
        text.append(f"\n{detail}" if detail else "")
        text.append(f"\nA vote binds to {release['basis'][:16]}", STYLES["dim"])
        self.query_one("#detail", Quiet).put(text)

    def _verdict(self, release: ReleaseDocument, snapshot: Snapshot) -> list[tuple[str, Style]]:
        """Return whether the person may vote, why not, or what became of the release."""
        plain, good, warn = STYLES[""], STYLES["good"], STYLES["warn"]
        if release["is_open"] and snapshot.read_only_because:
            because = clean(snapshot.read_only_because).rstrip(".")
            return [(f"You can only look: {because}.", warn)]
        if release["can_approve"]:
            lacks = clean(", ".join(release["missing"]))
            rest = f" It lacks {lacks}." if lacks else ""
            return [("You can approve (a) or reject (x).", good), (rest, plain)]
        if release["is_open"]:
            return [(f"You cannot approve: {clean(release['why_not'])}.", warn)]
        said = present.servers(release, snapshot)
        return [(f"{said or 'It is decided: ' + release['status']}.", plain)]

    def on_row_list_moved(self) -> None:
        """Show more about the row under the cursor."""
        self._show_detail()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Show the whole evidence of a row."""
        if event.rows.detail:
            self.notify(event.rows.detail, timeout=8, markup=False)

    def entity(self) -> str:
        """Return this release."""
        return f"release:{self.release_id}"

    def action_logs(self) -> None:
        """Open the endpoint's log."""
        from modeldeck_tui.screens.logs import LogScreen

        release = self.release
        if release is not None:
            self.app.push_screen(LogScreen(f"endpoint:{release['model']}@{release['environment']}"))

    def action_approve(self) -> None:
        """Ask whether to approve."""
        self._ask("approve")

    def action_reject(self) -> None:
        """Ask why to reject."""
        self._ask("reject")

    def _ask(self, verdict: str) -> None:
        release, snapshot = self.release, self.snapshot
        if release is None or snapshot is None or self.refused(verdict):
            return
        may = release["can_approve"] if verdict == "approve" else release["can_reject"]
        if not may:
            because = release["why_not"] or f"it is {release['status']}"
            self.notify(
                f"You cannot {verdict} it: {clean(because)}.", severity="warning", markup=False
            )
            return
        diff = snapshot.diffs.get(release["id"], ())
        is_last = release["environment"] == snapshot.last_environment
        dialog = VoteDialog(release, verdict, diff=diff, is_last_environment=is_last)
        self.app.push_screen(dialog, self._vote)

    def _vote(self, vote: Vote | None) -> None:
        if vote is None:
            return
        word = "approved" if vote.verdict == "approve" else "rejected"
        self.app.perform(  # type: ignore[attr-defined]  # our own app
            lambda: self.workspace.releases.vote(
                vote.release, vote.verdict, reason=vote.reason, expect=vote.expect
            ),
            f"You {word} {vote.release}.",
        )
