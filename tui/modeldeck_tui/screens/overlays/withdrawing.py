"""Asking whether to withdraw what owners proposed, from whichever page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeldeck.domain.reading.reviews import ProposalDocument
from modeldeck.services.governing.statements import Recorded
from modeldeck_tui.present.governing.policy import support
from modeldeck_tui.screens.overlays.stating import Signed, StatementDialog

if TYPE_CHECKING:
    from modeldeck_tui.screens.base import Page


def ask_to_withdraw(page: Page, one: ProposalDocument) -> None:
    """Ask whether to withdraw a proposal, with what would be recorded; then do it."""
    name, proposals = one["id"], page.workspace.proposals
    dialog = StatementDialog(
        f"WITHDRAW  {one['text']}",
        [
            f"{one['by']} proposed it; {support(one)} so far.",
            "Nobody can support it any more; who still wants it proposes it again.",
        ],
        prepare=lambda: proposals.withdrawing(name),
        verb="Withdraw",
        reason="optional",
    )

    def told(made: object) -> str:
        return f"It is {made.said}." if isinstance(made, Recorded) else ""

    def done(signed: Signed | None) -> None:
        if signed is not None:
            page.host.perform(
                lambda: proposals.cast(signed.statement, signed.reason),
                f"You withdrew the proposal to {one['text']}.",
                command=f"modeldeck member withdraw {one['n']}",
                tell=told,
            )

    page.app.push_screen(dialog, done)
