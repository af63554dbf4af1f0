"""Putting runs away: archiving, deleting, and bringing them back, as entries of the ledger.

No file is touched. Lists leave out what is archived or deleted; garbage collection moves what is
deleted into the trash, later, and empties that after a week: until then it can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck import ids
from modeldeck.domain.documents import ShelvedDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.reading.shelf import MOST_RUNS, deleted_runs
from modeldeck.errors import ConflictError, NotFoundError, UsageError
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.reading.naming import resolve_all
from modeldeck.services.upkeep import shelved


class Shelving:
    """Archiving and deleting the runs of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def archive(
        self, typed: Sequence[str], *, reason: str = "", has_children: bool = False
    ) -> ShelvedDocument:
        """Leave runs out of lists.

        Parameters
        ----------
        typed : sequence of str
            Any unique endings of ids.
        reason : str
            Why; it is kept.
        has_children : bool
            Whether the runs that these started go with them.

        Returns
        -------
        ShelvedDocument
            The runs, and the entries: up to 1,000 runs are one entry, all of them or none.

        Raises
        ------
        ConflictError
            One is archived or deleted already.
        NotFoundError, UsageError
            No run, or several, end so.
        """
        runs = self._runs(typed, has_children=has_children)
        return self._commit("run.archive", runs, reason=reason)

    def unarchive(self, typed: Sequence[str], *, reason: str = "") -> ShelvedDocument:
        """Bring archived runs back into lists.

        Raises
        ------
        NotFoundError
            One is not archived, or not there.
        UsageError
            An ending fits several runs.
        """
        return self._commit("run.unarchive", self._runs(typed), reason=reason)

    def delete(
        self, typed: Sequence[str], *, reason: str = "", has_children: bool = False
    ) -> ShelvedDocument:
        """Mark runs as deleted; their files stay until garbage collection.

        The parameters are those of :meth:`archive`.

        Raises
        ------
        ConflictError
            A version was made of one, one still runs, or is deleted already.
        NotPermittedError
            One is somebody else's, and the actor is no owner.
        NotFoundError, UsageError
            No run, or several, end so.
        """
        runs = self._runs(typed, has_children=has_children)
        users = set()
        for run in runs:
            known = self.deck.runs.document(run)
            users.add(known["user"])
            if known["status"] == "running":
                msg = f"Run {ids.short(run)} is running."
                raise ConflictError(msg, f"`modeldeck run stop {ids.short(run)}` ends it.")
        return self._commit("run.delete", runs, reason=reason, users=sorted(users))

    def undelete(self, typed: Sequence[str], *, reason: str = "") -> ShelvedDocument:
        """Take a deletion back; what garbage collection moved into the trash comes out of it.

        Raises
        ------
        NotFoundError
            One is not deleted, or was removed already.
        UsageError
            An ending fits several runs.
        """
        self.deck.need_writable()
        with self.deck.reading() as state:
            deleted = set(deleted_runs(state))
        there = set(self.deck.runs.ids())
        runs = resolve_all(typed, sorted(there | deleted))
        lost = deleted.intersection(runs) - there - shelved.trashed(self.deck.root).keys()
        if lost:
            msg = f"Run {ids.short(min(lost))} was removed by garbage collection."
            raise NotFoundError(
                msg, "Its folder may be in a backup; `run list` shows what is here."
            )
        shelved.bring_back(self.deck, deleted.intersection(runs))
        done = self._commit("run.undelete", runs, reason=reason)
        shelved.bring_back(self.deck, runs)
        return done

    def _runs(self, typed: Sequence[str], *, has_children: bool = False) -> list[str]:
        found = resolve_all(typed, self.deck.runs.ids())
        if not found:
            msg = "No run is named."
            raise UsageError(msg, "`modeldeck run list` shows those there are.")
        if not has_children:
            return found
        parents = set(found)
        shelved = ("archived_at", "deleted_at")
        children = [
            one["id"]
            for one in self.views.runs()
            if one["parent"] in parents and not any(key in one for key in shelved)
        ]
        return list(dict.fromkeys([*found, *children]))

    def _commit(
        self, action: str, runs: Sequence[str], *, reason: str, users: Sequence[str] = ()
    ) -> ShelvedDocument:
        entries = []
        for at in range(0, len(runs), MOST_RUNS):
            part: list[Json] = list(runs[at : at + MOST_RUNS])
            body: dict[str, Json] = {"runs": part, "reason": reason}
            if action == "run.delete":
                body["users"] = list(users)
            entries.append(self.deck.commit(action, f"run:{part[0]}", body=body).n)
        return ShelvedDocument(action=action, runs=list(runs), entries=entries)
