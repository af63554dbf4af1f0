"""Models: every version with where it is; gate, lineage, card and files of the one in focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck.domain.documents import LineageRow, VersionDocument
from modeldeck.domain.filters.fields import VERSIONS
from modeldeck_tui.clean import clean
from modeldeck_tui.present import cards, models
from modeldeck_tui.present import releases as present
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.excepting import Excepting
from modeldeck_tui.screens.pages.settling import SettlingListing
from modeldeck_tui.screens.reader import ReadingScreen
from modeldeck_tui.screens.running import RunActions
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs
from modeldeck_tui.widgets.text_view import TextView

NOTHING = (
    "No versions yet.",
    "p on a run (2) makes a version of it.",
)
NO_GATE = ("No gate has run on it yet.",)
_PAIR = 2


class VersionDetail(NamedTuple):
    """What the manifest of a version says."""

    version: str
    card: str
    lineage: Sequence[LineageRow]
    files: Sequence[tuple[str, str]]


class ModelsScreen(SettlingListing, RunActions, Excepting):
    """The table of versions."""

    NAME = "models"
    PLACE = "models"
    TITLE = "Models"
    TABLE = "#versions"
    FIELDS = VERSIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings("models")
    CSS = """
    #versions { height: auto; min-height: 4; max-height: 50%; }
    #versions.-all, #versions.-more { max-height: 100%; }
    .-flat #versions { height: 1fr; max-height: 100%; }
    #version-panes { height: 1fr; }
    #version { width: 1fr; height: 100%; }
    #beside-card { width: 1fr; height: 100%; padding: 0 1; display: none; }
    .-wide.-tall #beside-card { display: block; }
    .-flat #version-panes { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._of = ""
        self._card: list[tuple[str, str]] = []
        self._card_for: object = None

    def body(self) -> ComposeResult:
        """Make the table, and the tabs about one version."""
        with Vertical(id="models-body"):
            yield Table(
                "Versions",
                empty=NOTHING,
                is_sideways=True,
                has="filterable markable sortable",
                id="versions",
            )
            with Horizontal(id="version-panes"):
                yield Tabs(
                    [
                        ("Gate", Table("", empty=NO_GATE, id="version-gate")),
                        ("Lineage", Table("", id="version-lineage")),
                        ("Card", TextView(id="version-card")),
                        (
                            "Discussion",
                            Table("", empty=("c writes the first word.",), id="version-said"),
                        ),
                        ("Parameters", Table("", id="version-parameters")),
                        ("Files", Table("", id="version-files")),
                    ],
                    id="version",
                )
                yield TextView("Card", id="beside-card")
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[VersionDocument]:
        """Return all versions, each model's newest first."""
        return models.newest_first(snapshot.versions)

    def make(self, found: Sequence[VersionDocument], snapshot: Snapshot) -> Rows:
        """Return versions as rows."""
        return models.table(found, snapshot.at)

    def entity(self) -> str:
        """Return the version under the cursor, or the thing under that of its lineage."""
        focused = self.focused
        if isinstance(focused, Table) and focused.id == "version-lineage" and ":" in focused.key:
            return focused.key
        return self.main.key

    def show_more(self, snapshot: Snapshot) -> None:
        """Show the gate, card, lineage, annotations and files of the version under the cursor."""
        version: VersionDocument | None = self.main.document
        if version is None:
            return
        self.query_one("#version-gate", Table).show_lines(models.gate(version, snapshot))
        self.query_one("#version-parameters", Table).show_lines(models.pairs(version["parameters"]))
        remarks = self.talk_lines(snapshot)
        self.query_one("#version-said", Table).show_lines(remarks)
        self.fetch_talk(snapshot)
        self._show_card()
        state = f"{version['id']} {len(remarks)} {version['environments']}"
        if state != self._of:
            self._of = state
            self.fetch("version", lambda: self._read(version["id"]))

    def talk_about(self) -> Sequence[str]:
        """Return the version under the cursor, and its model."""
        version: VersionDocument | None = self.main.document
        return [self.main.key, f"model:{version['model']}"] if version is not None else []

    def _read(self, version: str) -> VersionDetail:
        workspace = self.workspace
        return VersionDetail(
            version=version,
            card=workspace.models.card(version),
            lineage=workspace.lineage.of(f"version:{version}"),
            files=workspace.models.files(version),
        )

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what a manifest says."""
        if tag == "talk":
            self.take_talk(value, "#version-said")
            return
        if tag != "version":
            super().take(tag, value)
            return
        detail: VersionDetail = value
        self._card = cards.lines(detail.card)
        self._show_card()
        self.query_one("#version-lineage", Table).show_lines(models.lineage(detail.lineage))
        self.query_one("#version-files", Table).show_lines(models.files(detail.files))

    def _show_card(self) -> None:
        """Show the card in both places, broken at words for the room that there is."""
        beside = self.query_one("#beside-card", TextView)
        rooms = {
            beside: beside.scrollable_content_region.width,
            self.query_one("#version-card", TextView): (
                self.query_one("#version", Tabs).content_size.width - 1
            ),
        }
        state = (id(self._card), *rooms.values())
        if state != self._card_for:
            self._card_for = state
            for view, width in rooms.items():
                view.show(cards.wrapped(self._card, width))

    def on_table_opened(self, event: Table.Opened) -> None:
        """Go from the version to the run that made it; from the lineage to what is under it."""
        version: VersionDocument | None = self.main.document
        if event.table is self.main and version is not None:
            event.prevent_default()
            if version["run"]:
                self.host.open(f"run:{version['run']}")
            else:
                self.host.tell(f"{clean(version['id'])} was registered from a file, not a run.")

    def action_diff(self) -> None:
        """Show what differs between two marked versions, or from the version before."""
        marked = [key.partition(":")[2] for key in self.main.rows.keys() if key in self.main.marks]  # noqa: SIM118 -- no dict
        version: VersionDocument | None = self.main.document
        if len(marked) == _PAIR:
            after, before = marked
        elif version is not None and version["version"] > 1:
            after = version["id"]
            before = f"{version['model']}@{version['version'] - 1}"
        else:
            self.host.tell("There is no version before it; mark two with space.")
            return
        title = clean(f"Models › {before} → {after}")
        diff = self.workspace.models.diff
        read = lambda: present.difference(diff(before, after))  # noqa: E731 -- read by the page
        self.app.push_screen(ReadingScreen(title, read, place=self.PLACE, about=f"version:{after}"))

    def action_verify(self) -> None:
        """Hash every file of the version again."""
        version = self.entity().partition(":")[2]
        self.host.perform(
            lambda: self.workspace.models.verify(version),
            f"Every file of {version} has the SHA-256 that its manifest says.",
            command="modeldeck ledger verify --data",
        )
