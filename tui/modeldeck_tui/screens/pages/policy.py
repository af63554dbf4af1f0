"""The policy under review: modeldeck.toml and owners' proposals against what is in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from modeldeck.domain.policies.documents import PolicyChange, PolicyDocument
from modeldeck.domain.reading.reviews import ProposalDocument
from modeldeck.errors import ModelDeckError
from modeldeck.services.governing.statements import Recorded, Statement
from modeldeck_tui.clean import clean
from modeldeck_tui.present.governing import policy as present
from modeldeck_tui.present.governing.policy import FILE, Governing
from modeldeck_tui.present.rows import Document
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.overlays.stating import Signed, StatementDialog
from modeldeck_tui.screens.overlays.withdrawing import ask_to_withdraw
from modeldeck_tui.screens.pages.settling import Settling
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import styled
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs

_DONE = {
    "Propose": "proposed the policy of modeldeck.toml",
    "Support": "supported the proposal",
}
_N_SHOWN = 6
"""Keys that a dialog names; the statement below has them all."""


class PolicyScreen(Settling):
    """What could change on top; below, what that would be, and what makes trouble."""

    NAME = "policy"
    PLACE = "overview"
    AUTO_FOCUS = "#choices-of-owners"
    BINDINGS: ClassVar[list[BindingType]] = bindings("policy")
    CSS = """
    #policy-body { height: 1fr; }
    #choices-of-owners { height: auto; min-height: 4; max-height: 40%; }
    #choices-of-owners.-all, #choices-of-owners.-more { max-height: 100%; }
    #policy-tabs { height: 1fr; }
    #policy-detail { height: auto; max-height: 2; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: Governing | None = None
        self._read_for: object = None

    def body(self) -> ComposeResult:
        """Make the lists."""
        with Vertical(id="policy-body"):
            yield Table(
                "What could change", empty=("reading …",), elastic=1, id="choices-of-owners"
            )
            yield Tabs(
                [
                    ("Changes", Table("", empty=("Nothing differs.",), id="policy-changes")),
                    ("Trouble", Table("", empty=("Nothing makes trouble.",), id="policy-trouble")),
                    ("In force", Table("", empty=("reading …",), id="policy-now")),
                    (
                        "Members",
                        Table(
                            "",
                            titles=present.MEMBERS,
                            empty=("reading …",),
                            elastic=2,
                            id="policy-members",
                        ),
                    ),
                ],
                id="policy-tabs",
            )
        yield Quiet(id="policy-detail", markup=False)

    def show(self, snapshot: Snapshot) -> None:
        """Read again when the ledger grew, or the file changed; show what is known."""
        self.crumb("Policy")
        self.fetch("policy", self._read)
        self._show(snapshot)

    def _read(self) -> Governing:
        policies, people = self.workspace.policies, self.workspace.members
        proposed: PolicyDocument | None = None
        changes: Sequence[PolicyChange] = ()
        problem = ""
        try:
            proposed, changes = policies.proposed(), policies.changes()
        except ModelDeckError as error:
            problem = error.message
        return Governing(
            in_force=policies.show(),
            proposed=proposed,
            changes=changes,
            problem=problem,
            proposals=self.workspace.proposals.list(),
            everything=policies.outline(),
            members=[people.show(one["name"]) for one in people.list()],
        )

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what was read."""
        if tag == "policy":
            self._known = value
            if self.snapshot is not None:
                self._show(self.snapshot)

    @property
    def choices(self) -> Table:
        """What could change: the file, and the proposals."""
        return self.query_one("#choices-of-owners", Table)

    def _show(self, snapshot: Snapshot) -> None:
        known = self._known
        if known is None:
            return
        lines = present.choices(known, snapshot.at)
        self.choices.show_lines(lines, title=f"What could change · {len(known.proposals)} proposed")
        if self.wanted and self.choices.go_to(self.wanted):
            self.wanted = ""
        self.crumb("Policy", present.in_force(known.in_force, snapshot.at))
        now = present.outline(known.in_force, known.everything)
        self.query_one("#policy-now", Table).show_lines(now)
        members = present.members(known.members, snapshot.at)
        self.query_one("#policy-members", Table).show_lines(members)
        self.query_one("#policy-tabs", Tabs).entitle(3, f"Members · {len(members)}")
        self.show_more(snapshot)

    def show_more(self, snapshot: Snapshot) -> None:  # noqa: ARG002 -- as the base has it
        """Show what the row under the cursor would change, and what makes trouble in it."""
        known, tabs = self._known, self.query_one("#policy-tabs", Tabs)
        if known is None:
            return
        proposal = self._proposal()
        changes = self.query_one("#policy-changes", Table)
        if proposal is not None:
            changes.show_lines(present.about(proposal))
            found = present.troubles(None, proposal["warnings"])
        else:
            changes.show_lines(present.differences(known.changes))
            found = present.troubles(known.proposed or known.in_force)
        self.query_one("#policy-trouble", Table).show_lines(found)
        tabs.entitle(1, f"Trouble · {len(found)}" if found else "Trouble")
        self._show_detail()

    def _show_detail(self) -> None:
        """Show what can be done, or what the member under the cursor may."""
        focused = self.focused
        if isinstance(focused, Table) and focused.id == "policy-members":
            said = [(focused.detail, "")]
        else:
            said = self._verdict(self._proposal())
        self.query_one("#policy-detail", Quiet).put(styled(said))

    def _verdict(self, proposal: ProposalDocument | None) -> list[tuple[str, str]]:
        known = self._known
        if proposal is not None:
            if proposal["can_support"]:
                left = proposal["lacks"] - 1
                more = f"{left} more have to after you" if left > 0 else "it is in force then"
                return [(f"You can support it (a): {more}.", "good")]
            back = " w withdraws it." if proposal["can_withdraw"] else ""
            return [(clean(f"You cannot support it: {proposal['why_not']}.{back}"), "warn")]
        if known is None or known.problem or not known.changes:
            return [("", "")]
        return [
            ("p proposes the file's policy; open releases have to be asked for again then.", "")
        ]

    def _proposal(self) -> ProposalDocument | None:
        key = self.choices.key
        known = self._known.proposals if self._known is not None else ()
        return next((one for one in known if key == f"proposal:{one['id']}"), None)

    def entity(self) -> str:
        """Return the proposal under the cursor, wherever the focus is."""
        key = self.choices.key
        return "" if key == FILE else key

    def document(self) -> Document:
        """Return the proposal under the cursor."""
        return self._proposal()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show what the row under the cursor would change."""
        if event.table is self.choices:
            self.settle()
        self._show_detail()
        self.show_hints()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Show a row in full."""
        event.prevent_default()
        if event.table.detail:
            self.host.tell(event.table.detail)

    # Deciding

    def action_propose(self) -> None:
        """Propose the policy of modeldeck.toml."""
        known = self._known
        if known is None or known.problem or not known.changes:
            because = known.problem if known is not None and known.problem else "nothing differs"
            self.host.tell(f"Cannot propose: {because}.", severity="warning")
            return
        lines = [
            "Open releases rest on the policy in force: they have to be asked for again.",
            *present.named(known.changes, _N_SHOWN),
            *(f"⚠ {one}" for one in (known.proposed["warnings"] if known.proposed else ())[:2]),
        ]
        self._state("PROPOSE THE POLICY", lines, verb="Propose", command="modeldeck policy adopt")

    def action_support(self) -> None:
        """Support the proposal under the cursor."""
        one = self._proposal()
        if one is None:
            return
        name = one["id"]
        lines = [
            f"{one['by']} proposed it; {present.support(one)} so far.",
            *present.named(one["changes"] or one["details"], _N_SHOWN),
            *(f"⚠ {each}" for each in one["warnings"][:2]),
        ]
        command = f"modeldeck member support {one['n']}"
        heading = f"SUPPORT  {one['text']}"
        self._state(heading, lines, verb="Support", command=command, proposal=name)

    def action_withdraw(self) -> None:
        """Withdraw the proposal under the cursor."""
        one = self._proposal()
        if one is not None:
            ask_to_withdraw(self, one)

    def _state(
        self, heading: str, lines: list[str], *, verb: str, command: str, proposal: str = ""
    ) -> None:
        proposals = self.workspace.proposals

        def prepare() -> Statement:
            return proposals.supporting(proposal) if proposal else proposals.adopting()

        def done(signed: Signed | None) -> None:
            if signed is not None:
                self.host.perform(
                    lambda: proposals.cast(signed.statement),
                    f"You {_DONE[verb]}.",
                    command=command,
                    tell=lambda made: f"It is {made.said}." if isinstance(made, Recorded) else "",
                )

        self.app.push_screen(StatementDialog(heading, lines, prepare=prepare, verb=verb), done)
