"""Opening a workspace: the one object that screen, command line and Python code work with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modeldeck import clock
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.offers import Offers
from modeldeck.store import files, places

if TYPE_CHECKING:
    from modeldeck.domain.state import Activity
    from modeldeck.services.base.identity import Actor
    from modeldeck.watch import Watcher


def find_root(start: str | Path | None = None) -> Path:
    """Return the folder of a workspace.

    Parameters
    ----------
    start : str, Path or None
        A folder of the workspace or below; None takes ``MODELDECK_WORKSPACE``, else the working
        directory.

    Raises
    ------
    NotFoundError
        There is no workspace at or above it.
    NotPermittedError, UnavailableError
        A folder on the way cannot be looked into.
    """
    named = start or os.environ.get("MODELDECK_WORKSPACE", "")
    try:
        first = Path(named).expanduser().absolute()
    except OSError as error:
        raise files.read_error(error, "The working directory") from error
    for folder in (first, *first.parents):
        if not files.is_folder(places.ledger_folder(folder)):
            continue
        if files.is_file(folder / places.CONFIG):
            return folder
        if folder == first:
            msg = f"{folder} holds a ledger, but its {places.CONFIG} is missing."
            raise NotFoundError(msg, "Restore it from a backup or from git.", path=str(folder))
    where = f"{first} is" if named else f"{first} is not in"
    msg = f"{where} no workspace." if named else f"{where} a workspace."
    hint = (
        "Name one with -w PATH, in Python workspace=PATH, or MODELDECK_WORKSPACE=PATH; "
        "or make one: `modeldeck init PATH`."
    )
    raise NotFoundError(msg, hint, path=str(first))


def _found(path: str | Path | None) -> tuple[Path, str]:
    """Return a workspace's folder, and the store of MLflow that it only shows, if it does."""
    named = path or os.environ.get("MODELDECK_WORKSPACE", "")
    if named and not files.is_folder(Path(named, places.HIDDEN)):
        from modeldeck.services.moving import mirror

        if shown := mirror.shown(Path(named), is_below=find_root):
            return shown
    return find_root(path), ""


class Workspace(Offers):
    """An open workspace; each attribute is the services about one noun.

    Use :meth:`open`; close it, or use it in a ``with`` block, so that the next one opens fast.

    Examples
    --------
    >>> import tempfile
    >>> from modeldeck.services.founding import init
    >>> folder = tempfile.mkdtemp()
    >>> _ = init(Path(folder), owner="ann", name="churn-team")
    >>> with Workspace.open(folder, user="ann") as workspace:
    ...     (workspace.name, workspace.runs.list(), workspace.is_writable)
    ('churn-team', [], True)
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "",
        key: str = "",
        is_read_only: bool = False,
        now: clock.Clock = clock.utc_now,
        as_of: str = "",
    ) -> None:
        from modeldeck.services.base.deck import Deck
        from modeldeck.services.base.views import Views

        self.root = root
        self.deck = Deck(root, user=user, key=key, is_read_only=is_read_only, now=now, as_of=as_of)
        self.deck.after_commit = self._tell
        self._views = Views(self.deck)

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        user: str = "",
        key: str = "",
        is_read_only: bool = False,
        now: clock.Clock = clock.utc_now,
        as_of: str = "",
    ) -> Workspace:
        """Open a workspace.

        Parameters
        ----------
        path : str, Path or None
            Its folder or one below, or MLflow's ``mlruns`` or ``mlflow.db``, which is shown
            read-only; None takes ``MODELDECK_WORKSPACE`` or the working directory.
        user : str
            Who acts, where the name is only claimed; empty takes ``MODELDECK_USER`` or the
            system's user.
        key : str
            An SSH key file; its owner acts, and every entry is signed.
        is_read_only : bool
            Refuse every write.
        now : Clock
            Tells the time.
        as_of : str
            Look at it as it was, read-only: an entry's number, a time (``2026-11-23T14:03``), or
            an age (``2h``).

        Raises
        ------
        NotFoundError
            There is no workspace, or no entry that early.
        """
        root, shows = _found(path)
        opened = cls(root, user=user, key=key, is_read_only=is_read_only, now=now, as_of=as_of)
        opened.deck.shows = shows
        return opened

    def at(self, as_of: str) -> Workspace:
        """Open this workspace as it was at a time, or after an entry; see :meth:`open`."""
        return Workspace(self.root, user=self.actor.name, as_of=as_of)

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self.deck.state.name

    @property
    def id(self) -> str:
        """The workspace's id: the digest of its first entry."""
        return self.deck.state.workspace

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.deck.actor

    @property
    def read_only_because(self) -> str:
        """Why nothing may be written; empty when it may."""
        return self.deck.read_only_because

    @property
    def is_writable(self) -> bool:
        """Whether this user may write here."""
        return not self.read_only_because

    @property
    def environments(self) -> list[str]:
        """The environments in their order."""
        return list(self.deck.state.policy.environments)

    def now(self) -> str:
        """Return the time as the documents write it."""
        return clock.to_text(self.deck.now())

    def refresh(self) -> int:
        """Fold the ledger's new entries; return how many there were."""
        return self.deck.ledger.refresh()

    def stops(self, run_id: str) -> bool:
        """Say whether a member asked a run to stop."""
        with self.deck.reading() as state:
            return run_id in state.stops

    def watch(self, callback: Callable[[], None], interval_s: float = 0.25) -> Watcher:
        """Call back, from a thread, soon after anything in the workspace changed; close it."""
        from modeldeck.services.base.watched import watcher

        return watcher(self.deck, self.runs, callback=callback, interval_s=interval_s)

    def _tell(self, done: Activity) -> None:
        """Have people told of an entry, by a process of its own."""
        from modeldeck.services.notifying import begin

        begin.after_commit(self.deck, done.n)

    def close(self) -> None:
        """Keep what was read for the next process, and a copy of the last entry if it is ours."""
        from modeldeck.store import witness

        if self.deck.as_of:
            return
        self._views.save()
        witness.remember(self.deck.state)
        with contextlib.suppress(ModelDeckError):  # it only helps
            self.deck.ledger.keep_last()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
