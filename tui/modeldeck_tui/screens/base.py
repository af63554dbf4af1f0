"""What all pages share: the frame, and being shown what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen

from modeldeck_tui.clean import clean
from modeldeck_tui.present import Snapshot
from modeldeck_tui.widgets.frame import Crumb, Header, Hints, Pages

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace


class Page(Screen[None]):
    """A page: subclasses say what it is called, what it consists of, and how it shows a snapshot.

    Attributes
    ----------
    NAME : str
        The page in the table of keys, for its hints.
    PLACE : str
        The page that the second line marks.
    """

    NAME: ClassVar[str] = ""
    PLACE: ClassVar[str] = ""
    SCOPED_CSS = False
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (76, "-narrow"), (110, "-wide")]  # noqa: RUF012 -- Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-short"), (35, "-tall")]  # noqa: RUF012 -- as above

    def compose(self) -> ComposeResult:
        """Put the frame around the body."""
        yield Header()
        yield Pages()
        yield Crumb()
        yield from self.body()
        yield Hints()

    def body(self) -> ComposeResult:
        """Make the page's own widgets."""
        yield from ()

    @property
    def workspace(self) -> Workspace:
        """The open workspace."""
        return cast("Workspace", self.app.workspace)  # type: ignore[attr-defined]  # our own app

    @property
    def snapshot(self) -> Snapshot | None:
        """What was read last."""
        return cast("Snapshot | None", self.app.snapshot)  # type: ignore[attr-defined]  # as above

    def on_mount(self) -> None:
        """Show what is known already."""
        self.show_frame()

    def on_screen_resume(self) -> None:
        """Show what came while another page was open."""
        self.show_frame()

    def on_resize(self) -> None:
        """Lay the frame out again."""
        self.show_frame()

    @property
    def is_whole(self) -> bool:
        """Whether all widgets are there: not before composing, nor while it is taken down."""
        return bool(self.display) and bool(self.query(Hints))

    def show_frame(self) -> None:
        """Show the frame, and the page if anything was read."""
        if not self.is_whole:
            return
        self.query_one(Pages).show(self.PLACE)
        self.query_one(Hints).show(self.NAME)
        self.show_age()
        snapshot = self.snapshot
        if snapshot is not None:
            self.query_one(Header).show(snapshot)
            self.show(snapshot)

    def show_age(self) -> None:
        """Show how old what is shown is."""
        if not self.is_whole:
            return
        self.query_one(Crumb).show_age(self.app.age_s)  # type: ignore[attr-defined]  # our own app

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""

    def entity(self) -> str:
        """Return what is under the cursor, as ``kind:id``; empty when nothing is."""
        return ""

    def refused(self, what: str) -> bool:
        """Say, also to the person, that a workspace that is open read-only takes no writes."""
        snapshot = self.snapshot
        because = snapshot.read_only_because if snapshot else "it is still being read"
        if because:
            self.app.notify(
                f"Cannot {what}: the workspace is read-only, {clean(because).rstrip('.')}.",
                severity="warning",
                markup=False,
            )
        return bool(because)

    def action_annotate(self) -> None:
        """Write a remark on what is under the cursor."""
        from modeldeck_tui.screens.dialogs import AnnotateDialog

        entity = self.entity()
        if not entity:
            self.app.notify("There is nothing under the cursor to annotate.", markup=False)
        elif not self.refused("annotate"):
            self.app.push_screen(AnnotateDialog(entity), self._annotated)

    def _annotated(self, answer: tuple[str, str] | None) -> None:
        if answer is not None:
            entity, text = answer
            self.app.perform(  # type: ignore[attr-defined]  # our own app
                lambda: self.workspace.annotations.add(entity, text), f"Noted on {entity}."
            )

    def action_logs(self) -> None:
        """Open the log of what is under the cursor."""
        from modeldeck_tui.screens.logs import LogScreen

        entity = self.entity()
        kind = entity.partition(":")[0]
        if kind in {"endpoint", "run"}:
            self.app.push_screen(LogScreen(entity))
        else:
            self.app.notify("Logs belong to endpoints and runs; put the cursor on one.")
