"""Datasets: every version of every dataset; and one version with columns, uses and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from modeldeck.domain.datasets.documents import DatasetDetail, DatasetDocument
from modeldeck.domain.documents import LineageRow
from modeldeck.domain.filters.fields import DATASETS
from modeldeck_tui.clean import clean
from modeldeck_tui.present import models
from modeldeck_tui.present.datasets import differences
from modeldeck_tui.present.datasets import versions as present
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.dialogs import NameDialog, PickDialog
from modeldeck_tui.screens.reader import ReadingScreen
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs

NOTHING = (
    "No data versions yet.",
    "n freezes a file of datasets/; from the shell:",
    "",
    "    modeldeck dataset add sales datasets/sales.csv",
)
_PAIR = 2


class DatasetActions(Page):
    """What can be done with the version of a dataset under the cursor."""

    def compare(self, before: str, after: str) -> None:
        """Show what differs between two versions."""
        title = clean(f"Datasets › {before} → {after}")
        diff = self.workspace.datasets.diff
        read = lambda: differences.diff_lines(diff(before, after))  # noqa: E731 -- read by the page
        about = f"dataset:{after}"
        self.app.push_screen(ReadingScreen(title, read, place=self.PLACE, about=about))

    def compare_with_before(self, version: DatasetDocument | None) -> None:
        """Show what differs from the version before."""
        if version is None or version["version"] == 1:
            self.host.tell("There is no version before it; mark two in the list with space.")
        else:
            self.compare(f"{version['name']}@{version['version'] - 1}", version["id"])

    def action_verify(self) -> None:
        """Hash the contents of the version again."""
        version = self.entity().partition(":")[2]

        def verify() -> None:
            self.workspace.datasets.need_whole(version)

        self.host.perform(
            verify,
            f"{version} is what it was when it was added.",
            command=f"modeldeck dataset verify {version}",
        )


class DatasetsScreen(ListingPage, DatasetActions):
    """The table of versions of datasets."""

    NAME = "datasets"
    PLACE = "datasets"
    TITLE = "Datasets"
    TABLE = "#datasets"
    FIELDS = DATASETS
    BINDINGS: ClassVar[list[BindingType]] = bindings("datasets")
    CSS = "#datasets { height: 1fr; }"

    def body(self) -> ComposeResult:
        """Make the table."""
        yield Table(
            "Data versions",
            empty=NOTHING,
            is_sideways=True,
            has="filterable markable sortable",
            id="datasets",
        )
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[DatasetDocument]:
        """Return all versions, each dataset's newest first."""
        return present.newest_first(snapshot.datasets)

    def make(self, found: Sequence[DatasetDocument], snapshot: Snapshot) -> Rows:
        """Return versions as rows."""
        return present.table(found, snapshot.at)

    def action_diff(self) -> None:
        """Compare two marked versions, or the one under the cursor with that before it."""
        marked = [key.partition(":")[2] for key in self.main.rows.keys() if key in self.main.marks]  # noqa: SIM118 -- no dict
        if len(marked) == _PAIR:
            after, before = marked
            self.compare(before, after)
        else:
            self.compare_with_before(self.main.document)

    def action_add(self) -> None:
        """Ask which file of datasets/ to freeze, and as which dataset."""
        self.fetch("candidates", self.workspace.datasets.candidates)

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Ask which of the files in datasets/ to freeze."""
        if tag != "candidates":
            super().take(tag, value)
        elif not value:
            self.host.tell("There is nothing in datasets/ to freeze.", severity="warning")
        else:
            choices = [(one, one) for one in value]
            self.app.push_screen(
                PickDialog("FREEZE which file or folder?", choices), self._ask_name
            )

    def _ask_name(self, path: str | None) -> None:
        if path:
            name = present.name_for(path)
            dialog = NameDialog(f"FREEZE  {path} as a version of which dataset?", name)
            self.app.push_screen(dialog, lambda name: self._add(path, name))

    def _add(self, path: str, name: str | None) -> None:
        if name:
            root = self.workspace.root
            self.host.tell(f"Reading {clean(path)} …")
            self.host.perform(
                lambda: self.workspace.datasets.add(name, root / path),
                f"The contents of {path} are a version of {name}.",
                command=f"modeldeck dataset add {name} {path}",
            )


class DatasetScreen(DatasetActions):
    """The page of one version of a dataset.

    Parameters
    ----------
    version : str
        Its id, as ``sales@3``.
    """

    NAME = "dataset"
    PLACE = "datasets"
    BINDINGS: ClassVar[list[BindingType]] = bindings("dataset")
    CSS = """
    #dataset-columns { height: 3fr; }
    #dataset-more { height: 2fr; min-height: 6; }
    .-flat #dataset-more { display: none; }
    """

    def __init__(self, version: str) -> None:
        super().__init__()
        self.version = version
        self._state: object = None

    def body(self) -> ComposeResult:
        """Make the panes."""
        with Vertical(id="dataset-body"):
            yield Table(
                "Columns",
                titles=present.COLUMN_TITLES,
                empty=("No file of it is a table.",),
                is_sideways=True,
                id="dataset-columns",
            )
            yield Tabs(
                [
                    ("Used by", Table("", empty=("Nothing used it yet.",), id="dataset-uses")),
                    ("About", Table("", id="dataset-about")),
                    (
                        "Discussion",
                        Table("", empty=("c writes the first word.",), id="dataset-said"),
                    ),
                    ("Files", Table("", id="dataset-files")),
                ],
                id="dataset-more",
            )

    def entity(self) -> str:
        """Return this version, or the thing under the cursor of what used it."""
        focused = self.focused
        if isinstance(focused, Table) and focused.id == "dataset-uses" and ":" in focused.key:
            return focused.key
        return f"dataset:{self.version}"

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, and read the rest."""
        version = snapshot.dataset(self.version)
        if version is None:
            self.crumb(f"Datasets › {clean(self.version)}", "is not there", style="bad")
            return
        self.crumb(f"Datasets › {clean(self.version)}", present.in_short(version))
        self.query_one("#dataset-said", Table).show_lines(self.talk_lines(snapshot))
        self.fetch_talk(snapshot)
        state = (version["tags"], len(snapshot.runs), len(snapshot.latest))
        if state != self._state:
            self._state = state
            self.fetch("detail", self._read)

    def _read(self) -> tuple[DatasetDetail, Sequence[LineageRow]]:
        workspace = self.workspace
        lineage = workspace.lineage.of(f"dataset:{self.version}")
        return workspace.datasets.show(self.version), lineage[1:]

    def talk_about(self) -> Sequence[str]:
        """Return this version, and its dataset."""
        return [f"dataset:{self.version}", f"dataset:{self.version.partition('@')[0]}"]

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what the description says, and the threads."""
        if tag == "talk":
            self.take_talk(value, "#dataset-said")
            return
        detail, uses = value
        self.query_one("#dataset-columns", Table).show_lines(present.column_lines(detail))
        self.query_one("#dataset-about", Table).show_lines(present.about_lines(detail))
        self.query_one("#dataset-files", Table).show_lines(present.file_lines(detail))
        self.query_one("#dataset-uses", Table).show_lines(models.lineage(uses))

    def action_diff(self) -> None:
        """Show what differs from the version before."""
        snapshot = self.snapshot
        self.compare_with_before(snapshot.dataset(self.version) if snapshot else None)
