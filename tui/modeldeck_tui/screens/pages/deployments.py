"""Deployments: every endpoint; traffic, servers, versions, discussion of the one in focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck.domain.documents import EndpointDocument, LineageRow, TrafficBucket
from modeldeck.domain.filters.fields import ENDPOINTS
from modeldeck.domain.filters.query import Field, Fields
from modeldeck_tui.clean import clean
from modeldeck_tui.present import deployments, models, traffic
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog
from modeldeck_tui.screens.pages.settling import SettlingListing
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs
from modeldeck_tui.widgets.traffic import TrafficView

NOTHING = (
    "Nothing is deployed yet.",
    "A release goes live by approval; `modeldeck serve ENVIRONMENT` answers.",
)
NO_SERVER = ("No server reported.",)
SILENCE = ("c writes the first word.",)


def _of_first(field: Field) -> Field:
    return lambda one: field(one[0])


_FIELDS = Fields(
    text=lambda one: ENDPOINTS.text(one[0]),
    at=lambda one: ENDPOINTS.at(one[0]),
    named={name: _of_first(field) for name, field in ENDPOINTS.named.items()},
)


class DeploymentsScreen(SettlingListing, VotingPage):
    """The table of endpoints."""

    NAME = "deployments"
    PLACE = "deployments"
    TITLE = "Deployments"
    TABLE = "#endpoints"
    FIELDS = _FIELDS
    BINDINGS: ClassVar[list[BindingType]] = bindings("deployments")
    CSS = """
    #endpoints { height: auto; min-height: 4; max-height: 40%; }
    #endpoints.-all, #endpoints.-more { max-height: 100%; }
    .-flat #endpoints { height: 1fr; max-height: 100%; }
    #endpoint-panes { height: 1fr; }
    #endpoint { width: 3fr; height: 100%; }
    #endpoint-beside { width: 2fr; height: 100%; display: none; }
    #beside-servers { height: auto; min-height: 4; max-height: 40%; }
    #beside-servers.-all, #beside-servers.-more { max-height: 100%; }
    #beside-versions { height: 1fr; }
    .-wide.-tall #endpoint-beside { display: block; }
    .-flat #endpoint-panes { display: none; }
    """

    def body(self) -> ComposeResult:
        """Make the table, and the tabs about one endpoint."""
        with Vertical(id="deployments-body"):
            yield Table(
                "Endpoints",
                empty=NOTHING,
                is_sideways=True,
                has="filterable sortable",
                id="endpoints",
            )
            with Horizontal(id="endpoint-panes"):
                yield Tabs(
                    [
                        ("Traffic", TrafficView(id="endpoint-traffic")),
                        ("Servers", Table("", empty=NO_SERVER, id="endpoint-servers")),
                        ("Versions", Table("", id="endpoint-versions")),
                        ("Discussion", Table("", empty=SILENCE, id="endpoint-said")),
                        ("Lineage", Table("", id="endpoint-lineage")),
                    ],
                    id="endpoint",
                )
                with Vertical(id="endpoint-beside"):
                    yield Table("Servers", empty=NO_SERVER, id="beside-servers")
                    yield Table("Versions", id="beside-versions")
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[deployments.Live]:
        """Return all endpoints with their traffic."""
        return snapshot.live

    def make(self, found: Sequence[deployments.Live], snapshot: Snapshot) -> Rows:
        """Return endpoints as rows."""
        return deployments.table(found, snapshot.at)

    def entity(self) -> str:
        """Return the endpoint under the cursor."""
        return self.main.key

    def show_more(self, snapshot: Snapshot) -> None:
        """Show the servers, versions, discussion and traffic of the endpoint under the cursor."""
        live: deployments.Live | None = self.main.document
        if live is None:
            return
        endpoint = live[0]
        servers = deployments.servers(endpoint, snapshot.at)
        versions = deployments.versions(endpoint, snapshot)
        for place in ("endpoint", "beside"):
            self.query_one(f"#{place}-servers", Table).show_lines(servers)
            self.query_one(f"#{place}-versions", Table).show_lines(versions)
        self.query_one("#endpoint-said", Table).show_lines(self.talk_lines(snapshot))
        self.fetch_talk(snapshot)
        self.fetch("endpoint", lambda: self._read(endpoint))

    def talk_about(self) -> Sequence[str]:
        """Return the endpoint under the cursor."""
        return [self.main.key] if self.main.key else []

    def _read(
        self, endpoint: EndpointDocument
    ) -> tuple[str, Sequence[TrafficBucket], Sequence[LineageRow]]:
        name = endpoint["id"]
        has_version = bool(endpoint["version"])
        lineage = self.workspace.lineage.of(f"endpoint:{name}") if has_version else ()
        return name, self.workspace.traffic.series(name), lineage

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show the traffic, and the threads."""
        if tag == "talk":
            self.take_talk(value, "#endpoint-said")
            return
        if tag != "endpoint":
            super().take(tag, value)
            return
        name, buckets, lineage = value
        self.query_one(TrafficView).show(clean(name), traffic.measured(buckets))
        self.query_one("#endpoint-lineage", Table).show_lines(models.lineage(lineage))

    def on_table_opened(self, event: Table.Opened) -> None:
        """Go from the endpoint to the release that it serves."""
        live: deployments.Live | None = self.main.document
        if event.table is self.main and live is not None:
            event.prevent_default()
            if live[0]["release"]:
                self.host.open(f"release:{live[0]['release']}")

    def action_stop(self) -> None:
        """Ask for the word, and stop an endpoint."""
        name = self.entity().partition(":")[2]
        dialog = ConfirmDialog(
            f"STOP  {name}",
            ["Its servers answer no more predictions for it, at once.",
             "A new release, or a rollback, starts it again."],
            verb="Stop it",
            reason="needed",
            word=name,
        )  # fmt: skip

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: self.workspace.deployments.stop(name, reason),
                    f"{name} was stopped.",
                    command=f"modeldeck deploy stop {name} --reason '{clean(reason)}'",
                )

        self.app.push_screen(dialog, done)
