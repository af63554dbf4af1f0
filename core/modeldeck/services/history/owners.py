"""What owners say about the ledger itself: acknowledging, restoring, adopting, upgrading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modeldeck.domain import fold
from modeldeck.domain.entry import Json
from modeldeck.domain.history.documents import (
    AgainstDocument,
    AnchorDocument,
    DecisionDocument,
    UpgradeDocument,
)
from modeldeck.domain.history.places import anchor_from
from modeldeck.domain.levels import Level
from modeldeck.domain.state import Activity
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    UsageError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.history import anchors, records, upgrading
from modeldeck.services.history.notices import notices
from modeldeck.store import witness
from modeldeck.store.ledger import Ledger
from modeldeck.store.verifying import Verifier


class History:
    """The history of one workspace, and what its owners say about it."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def notices(self) -> list[str]:
        """Return what is wrong with the history, each with what helps; empty when nothing is."""
        return [one.text for one in notices(self.deck)]

    def anchor(self) -> AnchorDocument:
        """Return the head of the ledger; see :func:`modeldeck.services.history.anchors.anchor`."""
        return anchors.anchor(self.deck)

    def against(self, text: str) -> AgainstDocument:
        """Compare with a head; see :func:`modeldeck.services.history.anchors.against`."""
        return anchors.against(self.deck, text)

    def acknowledge(self, n: int, reason: str) -> DecisionDocument:
        """Acknowledge a broken place between entries ``n`` and ``n + 1``, by what stands there.

        Raises
        ------
        NotFoundError
            The chain is not broken there.
        ConflictError
            It was acknowledged already.
        NotPermittedError
            The actor is no owner, or not sure enough.
        """
        with self.deck.reading() as state:
            known = state.breaks.get(n)
            digest = known.digest if known is not None else ""
        body: dict[str, Json] = {"n": n, "digest": digest, "reason": reason}
        return self._decide("ledger.acknowledge", f"entry:{n}", body=body)

    def restored(self, reason: str, *, n: int = 0, lost: str = "") -> DecisionDocument:
        """Say that this history ends earlier than it once did, and outdate all open releases.

        Parameters
        ----------
        reason : str
            Why; it is kept.
        n : int
            The last entry that was kept; 0 takes the last one there is.
        lost : str
            An anchor of the highest entry that anybody saw; empty takes what this user saw.

        Raises
        ------
        NotFoundError, InvalidInputError
            There is no such entry, or that is no anchor.
        NotPermittedError
            The actor is no owner, or not sure enough.
        """
        with self.deck.reading() as state:
            kept = n or state.n
            if not 1 <= kept <= state.n:
                msg = f"There is no entry {kept}."
                raise NotFoundError(msg, f"Entries go from 1 to {state.n}.")
            head = state.activity[kept - 1].digest
            highest = self._lost_n(lost, workspace=state.workspace)
        body: dict[str, Json] = {
            "n": kept,
            "head": head,
            "lost_n": max(kept, highest),
            "reason": reason,
        }
        return self._decide("ledger.restore", f"entry:{kept}", body=body)

    def _lost_n(self, lost: str, *, workspace: str) -> int:
        if not lost:
            return (witness.seen(workspace) or witness.Seen()).n
        known = anchor_from(lost)
        if known.workspace != workspace:
            msg = "The anchor is of another workspace."
            raise InvalidInputError(msg, "Name one of this workspace.")
        return known.n

    def adopt(self, *, original: str = "", is_every: bool = False) -> DecisionDocument:
        """Vouch, signed, for who owned the original's files, so that their entries count again.

        A copy's files belong to whoever copied them. What the original's owners were comes from
        the record of `modeldeck workspace backup`, from the original where it can still be read,
        or, with ``is_every``, from the owners' word that every entry is of its author.

        Parameters
        ----------
        original : str
            The original's folder; empty when it is gone.
        is_every : bool
            Leave no entry out.

        Raises
        ------
        UsageError
            Nothing says who owned the files.
        ConflictError
            The original has other entries, or the copy was adopted already.
        NotPermittedError
            The actor is no owner, or has no key.
        """
        with self.deck.reading() as state:
            n, head = state.n, state.head
            digests = [one.digest for one in state.activity]
        if original:
            n, excluded = _compared(Path(original), digests)
            head = digests[n - 1]
        elif is_every:
            excluded = []
        else:
            n, head, excluded = self._recorded(digests)
        body: dict[str, Json] = {"n": n, "head": head, "except": [*excluded]}
        return self._decide("ledger.adopt", f"entry:{n}", body=body)

    def _recorded(self, digests: list[str]) -> tuple[int, str, list[int]]:
        record = records.read(self.deck.root)
        if record is None:
            msg = "Nothing here says who owned the files of the original."
            hint = (
                "Name its folder with --original PATH; if it is gone, and you vouch for every "
                "entry, use --every."
            )
            raise UsageError(msg, hint)
        if not 1 <= record.n <= len(digests) or digests[record.n - 1] != record.head:
            msg = "The record of the backup is of other entries than these."
            raise ConflictError(msg, "Use --original PATH or --every.")
        return record.n, record.head, [*record.claimed]

    def plan_upgrade(self, to: int = 0) -> UpgradeDocument:
        """Return what an upgrade of the rules would do, and whom it would lock out.

        Parameters
        ----------
        to : int
            The version; 0 takes the newest that this program knows.
        """
        return upgrading.plan(self.deck, to or fold.newest())

    def upgrade(self, reason: str, *, to: int = 0) -> DecisionDocument:
        """Raise the version of the rules that entries follow; opening never does that.

        Raises
        ------
        ConflictError
            The workspace follows that version already.
        InvalidInputError
            This program does not know that version.
        NotPermittedError
            The actor is no owner, or not sure enough.
        """
        wanted = to or fold.newest()
        if wanted not in fold.RULES:
            msg = f"This program knows the rules up to version {fold.newest()}, not {wanted}."
            raise InvalidInputError(msg, "Update the program first; then upgrade the workspace.")
        return self._decide("workspace.upgrade", "workspace", body={"to": wanted, "reason": reason})

    def _decide(self, action: str, subject: str, *, body: Mapping[str, Json]) -> DecisionDocument:
        done = self.deck.commit(action, subject, body=body)
        with self.deck.reading() as state:
            waits = next((key for key, one in state.pending.items() if one.act.n == done.n), "")
        return DecisionDocument(
            n=done.n, action=action, subject=subject, by=done.by, at=done.at, proposal=waits
        )


def _compared(root: Path, digests: list[str]) -> tuple[int, list[int]]:
    """Return how far the original goes with the copy, and what was only claimed there."""
    try:
        there = Ledger(root, Verifier(None))
        there.refresh()
    except (ModelDeckError, OSError) as error:
        msg = f"The original in {root} cannot be read: {error}"
        raise NotFoundError(msg, "Name the folder that has .modeldeck in it.") from error
    if there.owners_differ or not there.state.n:
        msg = f"{root} is no original: owners say nothing there either."
        raise ConflictError(msg, "Name the workspace that was copied.")
    both = zip(there.state.activity, digests, strict=False)
    common: list[Activity] = []
    for line, digest in both:
        if line.digest != digest:
            break
        common.append(line)
    if not common:
        msg = f"{root} is another workspace."
        raise ConflictError(msg, "Name the workspace that was copied.")
    return len(common), [one.n for one in common if one.level == Level.CLAIMED]
