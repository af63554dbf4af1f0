"""The frame around every page, and what pages ask of the app around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual.app import ComposeResult

from modeldeck_tui.messages import Fetched
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.reading import explained
from modeldeck_tui.widgets import zoom
from modeldeck_tui.widgets.frame import Crumb, Header, Hints, Pages

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace


class Traffic(Protocol):
    """What was sent to the terminal."""

    n_bytes: int
    n_frames: int


class Host(Protocol):
    """What pages ask of the app around them."""

    workspace: Workspace
    snapshot: Snapshot | None
    is_slow: bool
    traffic: Traffic

    @property
    def age_s(self) -> float | None:
        """How long ago the workspace was read."""

    def reload(self) -> None:
        """Read the workspace again."""

    def open(self, entity: str) -> None:
        """Open the page of a thing, named ``kind:id``."""

    def verify(self) -> None:
        """Check the whole ledger, and say what was found."""

    def tell(self, text: str, *, severity: str = "information") -> None:
        """Tell the person something; it is kept among the messages."""

    def copy_text(self, text: str) -> None:
        """Copy a text to the terminal's clipboard, and into a file."""

    def perform(
        self,
        action: Callable[[], object],
        done: str,
        *,
        command: str = "",
        undo: Callable[[Any], object] | None = None,
        tell: Callable[[object], str] | None = None,
    ) -> None:
        """Do what the person asked for in a thread, then say how it went; undo gets its result."""


class Framed(zoom.Zoomable):
    """A page: subclasses say what it is called, what it consists of, and how it shows a snapshot.

    Attributes
    ----------
    NAME : str
        The page in the table of keys, for its hints.
    PLACE : str
        The page that the second line marks.
    wanted : str
        The entity that the cursor shall go to as soon as it is there.
    """

    NAME: ClassVar[str] = ""
    PLACE: ClassVar[str] = ""
    _is_composed = False
    SCOPED_CSS = False
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (110, "-wide")]  # noqa: RUF012 -- Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-short"), (35, "-tall")]  # noqa: RUF012 -- as above

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
    def host(self) -> Host:
        """The app."""
        return cast("Host", self.app)

    @property
    def workspace(self) -> Workspace:
        """The open workspace."""
        return self.host.workspace

    @property
    def snapshot(self) -> Snapshot | None:
        """What was read last."""
        return self.host.snapshot

    def on_mount(self) -> None:
        """Show what is known already; everything was composed by now, also inside panes."""
        self._is_composed = True
        self.show_frame()

    def on_screen_resume(self) -> None:
        """Show what came while another page was open."""
        self.show_frame()

    def on_resize(self) -> None:
        """Lay the frame out again."""
        self.show_frame()
        zoom.fit(self)

    @property
    def is_whole(self) -> bool:
        """Whether all widgets are there: not before composing, nor while it is taken down."""
        there = self.children  # asked at every key: a query would walk through the whole page
        is_shown = self._is_composed and bool(self.display)
        return is_shown and any(isinstance(one, Hints) for one in there)

    @property
    def is_ready(self) -> bool:
        """Whether keys can be taken: the page is there, has the focus, and shows what was read."""
        return self.is_whole and self.focused is not None and self.is_filled

    @property
    def is_filled(self) -> bool:
        """Whether the page shows what keys act on; not before anything was read."""
        return self.snapshot is not None

    def show_frame(self) -> None:
        """Show the frame, and the page if anything was read."""
        if not self.is_whole:
            return
        self.query_one(Pages).show(self.PLACE)
        self.show_age()
        snapshot = self.snapshot
        if snapshot is not None:
            self.query_one(Header).show(snapshot)
            self.show(snapshot)
        self.show_hints()

    def show_age(self) -> None:
        """Show how old what is shown is."""
        if self.is_whole:
            self.query_one(Crumb).show_age(self.host.age_s)

    def show_hints(self) -> None:
        """Show the keys that matter, and which are off."""

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""

    def crumb(self, path: str, note: str = "", *, style: str = "") -> None:
        """Say on the third line what is open."""
        self.query_one(Crumb).show(path, note, style=style)


class Fetching(Framed):
    """A page that reads more than the snapshot holds, in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._fetching: set[str] = set()
        self._wanted: dict[str, Callable[[], object]] = {}
        self._told = ""
        self.wanted = ""

    def fetch(self, tag: str, read: Callable[[], object]) -> None:
        """Read something in a thread and :meth:`take` it; while one reads, the newest waits."""
        if tag in self._fetching:
            self._wanted[tag] = read
            return
        self._fetching.add(tag)

        def work() -> None:
            try:
                value = read()
            except Exception as error:  # noqa: BLE001 -- the person is told, the page stays
                value = error
            self.post_message(Fetched(tag, value))

        self.run_worker(work, thread=True, group=tag, exit_on_error=False)

    def on_fetched(self, message: Fetched) -> None:
        """Take what was read in a thread for this page."""
        self._fetching.discard(message.tag)
        later = self._wanted.pop(message.tag, None)
        if later is not None:
            self.fetch(message.tag, later)
        if isinstance(message.value, Exception):
            text = explained(message.value)
            if text != self._told:
                self._told = text
                self.host.tell(text, severity="error")
        elif self.is_whole:
            self.take(message.tag, message.value)
            self.show_hints()

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- whatever was asked for
        """Show what was fetched."""
