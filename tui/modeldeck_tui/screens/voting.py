"""Voting on releases and rolling back, from whichever page shows them."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import DiffRow, ReleaseDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.present.conditions import endpoint_of
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog, Vote, VoteDialog

_WORDS = {"approve": "approved", "reject": "rejected", "request-changes": "asked for changes of"}


class VotingPage(Page):
    """A page with releases or endpoints under its cursor."""

    def action_approve(self) -> None:
        """Approve: on the spot where that can be undone, else after a dialog.

        What changes the last environment is voted on from the review, which shows why.
        """
        release, snapshot = self.document(), self.snapshot
        if snapshot is None or release is None:
            return
        if release["environment"] == snapshot.last_environment and not self.is_review:
            self.host.open(f"release:{release['id']}")
        elif (
            release["environment"] != snapshot.last_environment and not release["completes_quorum"]
        ):
            self.cast(Vote(release["id"], "approve", "", release["basis"]), can_undo=True)
        else:
            self.ask("approve")

    def action_reject(self) -> None:
        """Ask why to reject."""
        self.ask("reject")

    def action_request_changes(self) -> None:
        """Ask which changes."""
        self.ask("request-changes")

    @property
    def is_review(self) -> bool:
        """Whether this page shows everything that a vote rests on."""
        return False

    def ask(self, verdict: str) -> None:
        """Open the dialog of a verdict."""
        release, snapshot = self.document(), self.snapshot
        if release is None or snapshot is None:
            return
        diff: Sequence[DiffRow] = snapshot.diffs.get(release["id"], ())
        is_last = release["environment"] == snapshot.last_environment
        dialog = VoteDialog(release, verdict, diff=diff, is_last_environment=is_last)
        self.app.push_screen(dialog, self._voted)

    def _voted(self, vote: Vote | None) -> None:
        if vote is not None:
            self.cast(vote, can_undo=False)

    def cast(self, vote: Vote, *, can_undo: bool) -> None:
        """Cast a vote; one that decides nothing yet can be taken back."""
        releases = self.workspace.releases
        reason = f" --reason '{vote.reason}'" if vote.reason else ""
        self.host.perform(
            lambda: releases.vote(
                vote.release, vote.verdict, reason=vote.reason, expect=vote.expect
            ),
            f"You {_WORDS[vote.verdict]} {vote.release}.",
            command=f"modeldeck release {vote.verdict} {vote.release}{reason}",
            undo=(lambda _vote: releases.vote(vote.release, "abstain")) if can_undo else None,
        )

    def action_withdraw(self) -> None:
        """Ask whether to withdraw a release."""
        release: ReleaseDocument | None = self.document()
        if release is None:
            return
        name = release["id"]
        dialog = ConfirmDialog(
            f"WITHDRAW  {name}",
            ["Nobody can vote on it any more; ask for another one to go on."],
            verb="Withdraw",
            reason="optional",
        )

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: self.workspace.releases.withdraw(name, reason),
                    f"You withdrew {name}.",
                    command=f"modeldeck release withdraw {name}",
                )

        self.app.push_screen(dialog, done)

    def action_rollback(self) -> None:
        """Ask for the word, and roll an endpoint back."""
        snapshot = self.snapshot
        endpoint = snapshot.endpoint(endpoint_of(self.situation())) if snapshot else None
        if endpoint is None or snapshot is None:
            return
        name, target = endpoint["id"], endpoint["rollback_to"][0]
        is_last = endpoint["environment"] == snapshot.last_environment
        dialog = ConfirmDialog(
            f"ROLL BACK  {name}",
            [
                f"It serves {endpoint['version']} now, and will serve {target} within seconds.",
                "No request is dropped. Whoever looks at it sees who did it, and why.",
            ],
            verb="Roll back",
            reason="needed",
            word=target.replace("@", "-v") if is_last else "",
        )

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: self.workspace.deployments.rollback(name, reason, to=target),
                    f"{name} goes back to {target}.",
                    command=f"modeldeck deploy rollback {name} --reason '{clean(reason)}'",
                )

        self.app.push_screen(dialog, done)
