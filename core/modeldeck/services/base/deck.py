"""What all services share: the open workspace, its state, who acts, and committing."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, signed_bytes
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.membership.questions import Asker
from modeldeck.domain.state import Activity, State
from modeldeck.errors import ModelDeckError, NotPermittedError, UnavailableError
from modeldeck.services.base import travel
from modeldeck.services.base.identity import Actor, actor_of, signer_for
from modeldeck.services.base.signatures import signer_of
from modeldeck.store import files, places, witness
from modeldeck.store.keys import answers
from modeldeck.store.ledger import Ledger
from modeldeck.store.objects import ObjectStore, named_in
from modeldeck.store.runs import RunStore
from modeldeck.store.verifying import Verifier

MAX_CLOCK_BEHIND = timedelta(minutes=5)

ABOUT_HISTORY = frozenset(
    {
        "ledger.acknowledge",
        "ledger.restore",
        "ledger.adopt",
        "proposal.support",
        "proposal.withdraw",
    }
)
"""What owners may say although the history is not the one that was seen before."""


class Deck:
    """An open workspace.

    Parameters
    ----------
    root : Path
        Its folder.
    user, key : str
        Who acts; see :func:`modeldeck.services.base.identity.actor_of`.
    now : Clock
        Tells the time.
    is_read_only : bool
        Refuse every write, whatever the folder would allow.
    as_of : str
        Look at the workspace as it was after an entry's number, or at a time; empty for now.

    Attributes
    ----------
    shows : str
        The store of MLflow that this workspace, in the user's cache, only shows; else empty.
    may_ask : bool
        Whether a key's passphrase may be asked for at the terminal.
    asker : Asker or None
        Asks the person at a screen what a key wants to know; then no terminal is used.
    after_commit : callable
        Gets what became of each entry of the actor's once it is recorded; it may not raise.
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "",
        key: str = "",
        now: clock.Clock = clock.utc_now,
        is_read_only: bool = False,
        as_of: str = "",
    ) -> None:
        self.root = root
        self.now = now
        self.verifier = Verifier(None)
        self.ledger = Ledger(root, self.verifier)
        self.ledger.refresh(until=1)
        workspace = self.ledger.state.workspace or "unfounded"
        self.cache = places.user_views(workspace, root)
        self.verifier = Verifier(places.user_cache(workspace) / "signatures")
        self.ledger.verifier = self.verifier
        self.objects = ObjectStore(root)
        self.runs = RunStore(root)
        self.may_ask = False
        self.asker: Asker | None = None
        self.shows = ""
        self.after_commit: Callable[[Activity], None] = lambda _: None
        self._user, self._key = user, key
        self._asked_read_only = is_read_only
        self._actor: Actor | None = None
        self.as_of = ""
        if as_of:
            self._travel(as_of)

    def reopened(self) -> Deck:
        """Return the same workspace, read anew from its first entry."""
        read_only = self._asked_read_only
        deck = Deck(self.root, user=self._user, key=self._key, now=self.now, is_read_only=read_only)
        deck.may_ask, deck.asker = self.may_ask, self.asker
        return deck

    @property
    def is_asked_read_only(self) -> bool:
        """Whether somebody asked to write nothing, whatever the folder would allow."""
        return self._asked_read_only

    def _travel(self, as_of: str) -> None:
        """Stop the ledger, and the clock, where somebody wants to look."""
        found = travel.last_entry(self.root, as_of, now=self.now())
        self.ledger.last = found.n
        self.as_of = found.at
        self.now = lambda: clock.from_text(found.at)

    @property
    def state(self) -> State:
        """The folded ledger, as far as it was read; use within :meth:`reading`."""
        return self.ledger.state

    @property
    def actor(self) -> Actor:
        """Who acts."""
        if self._actor is None:
            self._actor = actor_of(self.state, user=self._user, key=self._key)
        return self._actor

    @property
    def key_file(self) -> str:
        """The key file that was named, as jobs in other folders find it; empty without one."""
        named = self._key or os.environ.get("MODELDECK_KEY", "")
        return str(Path(named).expanduser().absolute()) if named else ""

    @property
    def member(self) -> Member | None:
        """The acting member; None when the actor is none."""
        return self.state.member(self.actor.name)

    @contextlib.contextmanager
    def reading(self) -> Iterator[State]:
        """Give the newest state, which does not change while it is read."""
        with self.ledger.lock:
            self.ledger.refresh()
            yield self.state

    def reachable_level(self, environment: str, *, model: str = "") -> Level:
        """Return the level that the actor's entries can reach for an environment and model."""
        level = self.ledger.level_here(self.actor.name, is_signed=self.actor.signer is not None)
        known = self.state.policy.known(environment, model=model)
        if known is None or level >= known.level:
            return level
        return Level.SIGNED if signer_for(self.state, self.actor) else level

    @property
    def history_problem(self) -> str:
        """What contradicts the head that this user saw before; empty when nothing does.

        Raises
        ------
        UnavailableError
            That cannot be found out just now.
        """
        if self.as_of:
            return ""
        known = witness.seen(self.state.workspace)
        if not witness.against(self.state, known):
            return ""
        with self.reading() as state:  # another process may have seen entries that we have not
            return witness.against(state, known)

    @property
    def read_only_because(self) -> str:
        """Why nothing may be written here; empty when it may."""
        closed = self._closed_because
        if closed:
            return closed
        needs_owners = self.state.policy.strictest == Level.OWNER
        if self.ledger.owners_differ and needs_owners and not self.state.adoptions:
            return (
                "entry 1 is owned by another account than it records, as in a copy; an owner "
                "signs `modeldeck ledger adopt`"
            )
        try:
            return self.history_problem
        except UnavailableError as error:  # for this moment only
            return error.message

    @property
    def _closed_because(self) -> str:
        """Why nobody may write anything, not even owners about the history."""
        if self.as_of:
            return f"it is shown as of {self.as_of[:19]}Z"
        if self.shows:
            return f"MLflow's {self.shows} is only shown"
        if self._asked_read_only:
            return "it was opened so"
        if self.state.stopped:
            return self.state.stopped
        folders = (places.ledger_folder(self.root), places.tmp_folder(self.root))
        if not all(os.access(folder, os.W_OK) for folder in folders):
            return "the folder is not writable for you"
        return ""

    def need_writable(self, action: str = "") -> None:
        """Refuse to write into a workspace that is read-only.

        Parameters
        ----------
        action : str
            What is to be written; what owners say about the history may be, whatever that is.

        Raises
        ------
        NotPermittedError
            It is; the message says why.
        """
        is_about_history = action in ABOUT_HISTORY
        because = self._closed_because if is_about_history else self.read_only_because
        if because:
            msg = f"The workspace is read-only: {because.rstrip('.')}."
            raise NotPermittedError(
                msg, _how_to_write(self.as_of, self.shows, asked=self._asked_read_only)
            )

    def now_text(self, *, after: str = "") -> str:
        """Return the time for a signed statement, never before ``after``.

        Raises
        ------
        UnavailableError
            This computer's clock is more than five minutes behind ``after``.
        """
        now = self.now()
        if after and clock.from_text(after) - now > MAX_CLOCK_BEHIND:
            msg = f"This computer's clock is behind: an earlier statement is dated {after}."
            raise UnavailableError(msg, "Set the clock, then try again.")
        return max(clock.to_text(now), after)

    def commit(self, action: str, subject: str, *, body: Mapping[str, Json]) -> Activity:
        """Record a decision of the actor's; return what became of its entry.

        It is signed when a key was named, or when the environment that it affects asks for it.

        Raises
        ------
        ModelDeckError
            It was refused; nothing was written.
        """
        return self._record(self.intent(action, subject, body=body))

    def intent(self, action: str, subject: str, *, body: Mapping[str, Json]) -> Intent:
        """Return a decision of the actor's as :meth:`record` takes it, for somebody to look at.

        Raises
        ------
        NotPermittedError
            The workspace is read-only.
        """
        with self.reading() as state:
            self.need_writable(action)
            return Intent(
                id=uuid.uuid4().hex,
                by=self.actor.name,
                action=action,
                subject=subject,
                body=body,
                workspace=state.workspace,
                head=state.head,
            )

    def asked_once(self) -> contextlib.AbstractContextManager[None]:
        """Return what to record several entries within, so that a passphrase is asked for once."""
        return answers.asked_once()

    def record(self, intent: Intent) -> Activity:
        """Record a decision exactly as it is; see :meth:`commit`."""
        with self.reading():
            self.need_writable(intent.action)
        return self._record(intent)

    def _record(self, intent: Intent) -> Activity:
        with self.ledger.lock:
            signer = signer_of(self, intent)
        if signer is not None:
            payload = signed_bytes(intent)
            signature = signer.sign(payload, may_ask=self.may_ask, asker=self.asker)
            intent = replace(intent, signature=signature)
        done = self.ledger.commit(intent, host=self.actor.host, now=self.now)
        with contextlib.suppress(ModelDeckError):  # what is missing is found by verifying
            self.objects.ensure(named_in(files.dumps(intent.body)))
        witness.remember(self.state)
        self.after_commit(done)
        return done


def _how_to_write(as_of: str, shows: str, *, asked: bool) -> str:
    """Return what to do where nothing may be written."""
    if as_of:
        return "Leave --as-of out to write into it as it is now."
    if shows:
        return f"Bring it in: `modeldeck import mlflow {shows} -w WORKSPACE`."
    if asked:
        return "Leave --read-only and MODELDECK_READONLY out to write into it."
    return "Look at it, or ask its owner."
