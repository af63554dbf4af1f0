"""One release under review: what ships against what is live, and who decides; then the rollout.

Everything that a vote rests on is here: side by side where there is room, else in tabs. What it
rested on when the page opened is remembered: when a part of that is another one by now, the page
says which, and takes no vote until it was opened anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical

from modeldeck.domain.documents import LineageRow, ReleaseDocument, TrafficBucket
from modeldeck.domain.reading.reviews import BaseDocument, ReviewDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.output import cell_width
from modeldeck_tui.present import cards, models, rollout
from modeldeck_tui.present import releases as present
from modeldeck_tui.present.governing import exceptional, reviewing
from modeldeck_tui.present.rows import exact
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import release_status
from modeldeck_tui.screens.overlays.stating import VoteDialog
from modeldeck_tui.screens.pages.settling import Settling
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.columns import GAP
from modeldeck_tui.widgets.frame import WIDE, Quiet
from modeldeck_tui.widgets.styles import STYLES, styled
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs
from modeldeck_tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

_GUTTER = 2
_READING = ("reading …",)
_VOTES = ("review.approve", "review.reject", "review.request_changes", "review.take_back")
_CSS = """
#columns { height: 1fr; layout: vertical; }
#left { height: auto; }
#right { height: 1fr; }
#rollout { height: 34vh; max-height: 9; display: none; }
#boxes { height: 34vh; max-height: 8; layout: horizontal; }
#gate { width: 1fr; height: 100%; }
#votes { width: 1fr; height: 100%; }
#more { height: 1fr; }
#thread, #live-beside, #texts { display: none; }
#review-detail { height: auto; max-height: 5; padding: 0 1; }
.-rollout #rollout { display: block; }
.-rollout #boxes { height: 22vh; }
.-wide #columns { layout: horizontal; }
.-wide #left { width: 2fr; height: 100%; }
.-wide #right { width: 3fr; height: 100%; }
.-wide #boxes { height: 1fr; max-height: 100%; layout: vertical; }
.-wide #gate { height: auto; min-height: 4; max-height: 40%; }
.-wide #votes { height: 1fr; }
.-wide.-tall #boxes { height: auto; max-height: 48vh; }
.-wide.-tall #gate { max-height: 20vh; }
.-wide.-tall #votes { height: auto; max-height: 28vh; }
.-wide.-tall #thread { display: block; height: 1fr; min-height: 3; }
.-wide.-tall #live-beside { display: block; height: auto; min-height: 3; max-height: 25%; }
.-wide.-tall #texts { display: block; height: 40%; }
#code-beside, #card-beside { width: 1fr; height: 100%; padding: 0 1; }
.-wide.-rollout #left { width: 54; }
.-wide.-rollout #right { width: 1fr; }
.-rollout #live-beside { display: none !important; }
.-tall #rollout { max-height: 14; height: auto; }
#left.-all, #left.-more, #boxes.-all, #boxes.-more, #rollout.-all, #rollout.-more,
#gate.-all, #gate.-more, #thread.-all, #thread.-more, #live-beside.-all, #live-beside.-more,
#texts.-all, #texts.-more { max-height: 100%; }
"""


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

    IS_REVIEW = True
    NAME = "review"
    PLACE = "releases"
    AUTO_FOCUS = "#gate"
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")
    CSS = _CSS

    def __init__(self, release: str) -> None:
        super().__init__()
        self.release_id = release
        self._read_for: object = None
        self._buckets: Sequence[TrafficBucket] = ()
        self._review: ReviewDocument | None = None
        self._review_for: object = None
        self._seen: BaseDocument | None = None

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
                yield Table("Live", id="live-beside")
                yield Table("Discussion", empty=("c writes the first word.",), id="thread")
            with Vertical(id="right"):
                yield _tabs()
                with Horizontal(id="texts"):
                    yield TextView("Code", id="code-beside")
                    yield TextView("Card", id="card-beside")
        yield Quiet(id="review-detail", markup=False)

    @property
    def release(self) -> ReleaseDocument | None:
        """The release as it was read last."""
        return self.snapshot.release(self.release_id) if self.snapshot else None

    # Showing

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        release = self.release
        if release is None:
            self.crumb(f"Releases › {clean(self.release_id)}", "is not there", style="bad")
            return
        status = release_status(release["status"])
        path = f"{present.change(release)} @{release['environment']}"
        title = f"Releases › {clean(release['id'])}  {clean(path)}"
        left = _left(self._review, release, snapshot=snapshot, is_wide=self.size.width >= WIDE)
        self.crumb(title, f"{status.text}{left}", style=status.style)
        self._show_lists(release, snapshot)
        self._show_review(release, snapshot)
        self._show_rollout(release, snapshot)
        self._read_more(release, snapshot)
        self.show_more(snapshot)

    def _show_lists(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        gate = release["gate"]
        passed = "" if gate is None else "passed" if gate["passed"] else "failed"
        made = f" · by {clean(gate['made_by'])}" if gate else ""
        title = f"Gate · {passed}{made}" if passed else "Gate"
        self.query_one("#gate", Table).show_lines(present.checks(release), title=title)
        is_wide = self.size.width >= WIDE
        votes = reviewing.voters(self._review, release, snapshot=snapshot, has_keys=is_wide)
        said = self.talk_lines(snapshot)
        title = present.votes_title(release)
        rest = [] if self.query_one("#thread").display else said
        self.query_one("#votes", Table).show_lines([*votes, *rest], title=title)
        for name in ("#thread", "#said"):
            self.query_one(name, Table).show_lines(said)
        live = reviewing.live(self._review, release, snapshot=snapshot)
        title = clean(f"Live · {release['model']}@{release['environment']}")
        self.query_one("#live-beside", Table).show_lines(live, title=title)
        self.query_one("#live", Table).show_lines(live)

    def on_text_view_widened(self) -> None:
        """Wrap code and card for the width that they have now."""
        self.show_frame()

    def _show_review(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        """Show what is known of both versions; the differences alone until all was read."""
        review, changes = self._review, self.query_one("#changes", Table)
        if review is None:
            changes.titles = present.changed(release)
            changes.show_lines(present.changes(snapshot.diffs.get(release["id"], ())))
            return
        changes.titles = reviewing.titles(release)
        changes.show_lines(reviewing.changes(review))
        self.query_one("#data", Table).show_lines(reviewing.data(review))
        card = cards.lines(review["card"])
        in_tab = self.query_one("#more", Tabs).content_size.width - 1
        for place in ("", "-beside"):
            view = self.query_one(f"#code{place}", TextView)
            width = view.scrollable_content_region.width if place else in_tab
            view.show(reviewing.code(review, width))
            self.query_one(f"#card{place}", TextView).show(cards.wrapped(card, width))

    def _show_rollout(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        is_on = rollout.is_on(release)
        self.set_class(is_on, "-rollout")
        if is_on:
            self.query_one("#rollout", Table).show_lines(
                rollout.lines(release, snapshot, buckets=self._buckets),
                title=rollout.title(release, snapshot),
            )

    def _read_more(self, release: ReleaseDocument, snapshot: Snapshot) -> None:
        self.fetch_talk(snapshot)
        newest = snapshot.latest[0]["n"] if snapshot.latest else 0
        if (newest, release["status"]) != self._review_for:
            self._review_for = (newest, release["status"])
            read, name = self.workspace.reviewing.review, release["id"]
            self.fetch("review", lambda: read(name))
        state = (release["status"], release["version"], release["replaces_version"])
        if state != self._read_for:
            self._read_for = state
            self.fetch("background", lambda: _read(self.workspace, release))
        if rollout.is_on(release):
            endpoint, window_s = (
                rollout.endpoint_of(release),
                rollout.window_s(release, snapshot.at),
            )
            series = self.workspace.traffic.series
            self.fetch("traffic", lambda: series(endpoint, window_s=window_s))

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what the manifests say, everything about the release, or the rollout's traffic."""
        release, snapshot = self.release, self.snapshot
        if tag == "background":
            known: Background = value
            self.query_one("#files", Table).show_lines(models.files(known.files, known.before))
            self.query_one("#lineage", Table).show_lines(models.lineage(known.lineage))
        elif release is None or snapshot is None:
            return
        elif tag == "talk":
            self.take_talk(value, "#thread", "#said")
            self._show_lists(release, snapshot)
        elif tag == "review":
            self._review = value
            self._seen = self._seen or value["base"]
            if not self._seen["report"]:
                self._seen = value["base"]  # before the first report there was nothing to vote on
            self.show(snapshot)
            if isinstance(self.app.screen, VoteDialog):
                self.app.screen.say_moved(self.moved)
        else:
            self._buckets = value
            self._show_rollout(release, snapshot)

    def show_more(self, snapshot: Snapshot) -> None:
        """Show whether the person may vote, and what the row under the cursor says beyond it."""
        release = self.release
        if release is None:
            return
        text = styled(present.verdict(release, snapshot))
        if self.moved:
            text.append(f"\n✖ Changed since you opened it: {self.moved}. ", STYLES["bad"])
            text.append("esc, then open it again.", STYLES["bad"])
        elif release["outdated_because"]:
            text.append(f"\n{clean(release['outdated_because'])}", STYLES["warn"])
        for said, style in exceptional.timing(release):
            text.append(f"\n{said}", STYLES[style])
        detail = _beyond(self.focused) if isinstance(self.focused, Table) else ""
        has_room = self.size.width >= WIDE or not detail
        ends = f" · it ends {exact(release['expires_at'])}" if has_room else ""
        bound = f"A vote binds to {release['basis'][:12]}{ends}" if release["is_open"] else ""
        if bound or detail:
            text.append("\n")
            text.append(bound, STYLES["dim"])
            text.append(f"{' · ' if bound and detail else ''}{detail}")
        self.query_one("#review-detail", Quiet).put(text)

    # What moved

    @property
    def moved(self) -> str:
        """What the release rests on that is another now than when the page opened."""
        return (
            reviewing.moved_text(reviewing.moved(self._seen, self._review)) if self._review else ""
        )

    def why_not(self, action: Action) -> str:
        """Return why an action is off; a review whose base changed takes no vote."""
        because = super().why_not(action)
        if action.id in _VOTES and self.moved:
            return f"it changed since you opened it: {self.moved}"
        return because

    # Doing

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

    def evidence(self, release: ReleaseDocument) -> Sequence[tuple[str, str]]:
        """Return what speaks for and against it, with intervals as soon as they are known."""
        return reviewing.evidence(self._review) if self._review else super().evidence(release)

    def action_diff(self) -> None:
        """Show everything that differs, as one text."""
        release, snapshot = self.release, self.snapshot
        if release is not None and snapshot is not None:
            before = release["replaces_version"] or "nothing"
            title = clean(f"Releases › {release['id']} › {before} → {release['version']}")
            lines = present.difference(snapshot.diffs.get(release["id"], ()))
            if self._review is not None:
                lines += [("", ""), ("code", "bold"), *reviewing.code(self._review)]
            place, about = self.PLACE, self.entity()
            self.app.push_screen(ReaderScreen(title, lines, place=place, about=about))

    def talk_about(self) -> Sequence[str]:
        """Return the release, its version, and the run that was made into it."""
        release, snapshot = self.release, self.snapshot
        if release is None or snapshot is None:
            return [f"release:{self.release_id}"]
        version = snapshot.version(release["version"])
        run = [f"run:{version['run']}"] if version is not None and version["run"] else []
        return [f"release:{self.release_id}", f"version:{release['version']}", *run]

    def entity(self) -> str:
        """Return this release."""
        return f"release:{self.release_id}"


def _tabs() -> Tabs:
    """Make the panes that stand at one place."""
    panes = [
        ("Changes", Table("", empty=("Nothing differs.",), elastic=(1, 2), id="changes")),
        ("Data", Table("", empty=_READING, id="data")),
        ("Code", TextView(id="code")),
        ("Card", TextView(id="card")),
        ("Live", Table("", id="live")),
        ("Discussion", Table("", empty=("c writes the first word.",), id="said")),
        ("Files", Table("", empty=_READING, id="files")),
        ("Lineage", Table("", empty=_READING, id="lineage")),
    ]
    return Tabs(panes, id="more")


def _read(workspace: Workspace, release: ReleaseDocument) -> Background:
    files, before = workspace.models.files, release["replaces_version"]
    return Background(
        files=files(release["version"]),
        before=files(before) if before else (),
        lineage=workspace.lineage.of(f"version:{release['version']}"),
    )


def _left(
    review: ReviewDocument | None, release: ReleaseDocument, *, snapshot: Snapshot, is_wide: bool
) -> str:
    """Return how much time is left, in few words; empty where none runs."""
    is_known = review is not None and review["release"]["status"] == release["status"]
    if review is None or not review["ends"] or not is_known:
        return ""
    text = reviewing.left(review["ends_at"], snapshot.at)[0]
    return f" · {text if is_wide else ' '.join(text.split()[:2])}"


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
