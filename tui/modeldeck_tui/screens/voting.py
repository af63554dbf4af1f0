"""Voting on releases and rolling back, from whichever page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from modeldeck.domain.documents import ReleaseDocument
from modeldeck.services.governing.statements import Recorded
from modeldeck_tui.clean import clean
from modeldeck_tui.present import releases as present
from modeldeck_tui.present.conditions import endpoint_of
from modeldeck_tui.screens.excepting import Excepting, how_sure
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog
from modeldeck_tui.screens.overlays.stating import Signed, StatementDialog, Vote, VoteDialog

_WORDS = {
    "approve": "approved",
    "reject": "rejected",
    "request-changes": "asked for changes of",
    "abstain": "took back your vote on",
}


class VotingPage(Excepting):
    """A page with releases or endpoints under its cursor.

    Every vote about the last environment is cast from the review, which shows what it rests on:
    elsewhere its key opens that.

    Attributes
    ----------
    IS_REVIEW : bool
        Whether the page shows everything that a vote rests on.
    """

    IS_REVIEW: ClassVar[bool] = False

    def action_approve(self) -> None:
        """Approve: on the spot where that can be undone, else after a dialog.

        What is no release is answered on a page of its own, which opens.
        """
        entity = self.entity()
        if entity and not entity.startswith("release:"):
            self.host.open(entity)
            return
        release = self._here()
        if release is None:
            return
        is_last = self.is_last(release["environment"])
        if not is_last and not release["completes_quorum"]:
            self.cast(Vote(release["id"], "approve", "", release["basis"]), can_undo=True)
        else:
            self.ask("approve")

    def action_reject(self) -> None:
        """Ask why to reject."""
        if self._here() is not None:
            self.ask("reject")

    def action_request_changes(self) -> None:
        """Ask which changes."""
        if self._here() is not None:
            self.ask("request-changes")

    def action_take_back(self) -> None:
        """Ask whether to take the own vote back."""
        if self._here() is not None:
            self.ask("abstain")

    def _here(self) -> ReleaseDocument | None:
        """Return the release to vote on; open its review where that is where to vote."""
        release: ReleaseDocument | None = self.document()
        if release is not None and self.is_last(release["environment"]) and not self.IS_REVIEW:
            self.host.open(f"release:{release['id']}")
            return None
        return release

    def ask(self, verdict: str) -> None:
        """Open the dialog of a verdict."""
        release, snapshot = self.document(), self.snapshot
        if release is None or snapshot is None:
            return
        statement, name = self.workspace.reviewing.statement, release["id"]
        dialog = VoteDialog(
            release,
            verdict,
            prepare=lambda: statement(name, verdict),
            evidence=self.evidence(release),
            is_last_environment=self.is_last(release["environment"]),
        )
        self.app.push_screen(dialog, self._voted)

    def evidence(self, release: ReleaseDocument) -> Sequence[tuple[str, str]]:
        """Return what speaks for and against a release, as styled lines, the worst first."""
        diff = self.snapshot.diffs.get(release["id"], ()) if self.snapshot else ()
        return present.evidence(diff)

    def _voted(self, vote: Vote | None) -> None:
        if vote is not None:
            self.cast(vote, can_undo=False)

    def cast(self, vote: Vote, *, can_undo: bool) -> None:
        """Cast a vote as it was shown; one that decides nothing yet can be taken back."""
        reviewing = self.workspace.reviewing
        reason = f" --reason '{vote.reason}'" if vote.reason else ""

        def do() -> Recorded:
            statement = vote.statement or reviewing.statement(vote.release, vote.verdict)
            return reviewing.cast(statement, vote.reason, expect=vote.expect)

        self.host.perform(
            do,
            f"You {_WORDS[vote.verdict]} {vote.release}.",
            command=f"modeldeck release {vote.verdict} {vote.release}{reason}",
            undo=(lambda _vote: reviewing.vote(vote.release, "abstain")) if can_undo else None,
            tell=how_sure,
        )

    def action_withdraw(self) -> None:
        """Ask whether to withdraw a release."""
        release: ReleaseDocument | None = self.document()
        if release is None:
            return
        name, reviewing = release["id"], self.workspace.reviewing
        dialog = StatementDialog(
            f"WITHDRAW  {name}",
            ["Nobody can vote on it any more; ask for another one to go on."],
            prepare=lambda: reviewing.statement(name, "withdraw"),
            verb="Withdraw",
            reason="optional",
        )

        def done(signed: Signed | None) -> None:
            if signed is not None:
                self.host.perform(
                    lambda: reviewing.cast(signed.statement, signed.reason),
                    f"You withdrew {name}.",
                    command=f"modeldeck release withdraw {name}",
                    tell=how_sure,
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
