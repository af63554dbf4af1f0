"""Heads that were written down elsewhere, and comparing a ledger with them or with another one."""

from __future__ import annotations

from pathlib import Path

from modeldeck import clock
from modeldeck.domain.entry import digest_of, is_digest
from modeldeck.domain.history import copies
from modeldeck.domain.history.documents import AgainstDocument, AnchorDocument
from modeldeck.domain.history.places import Anchor, anchor_from
from modeldeck.domain.state import State
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.store import files, ledger, places

_LIMIT = 1 << 20


def anchor(deck: Deck) -> AnchorDocument:
    """Return the head of a ledger, as one line for a ticket, a tag or a chat.

    Raises
    ------
    NotFoundError
        There is no entry yet.
    """
    with deck.reading() as state:
        if not state.n:
            msg = "There is no entry that could be anchored."
            raise NotFoundError(msg, "`modeldeck ledger verify` says what is wrong.")
        found = Anchor(state.workspace, state.n, state.head, clock.to_text(deck.now()))
    return AnchorDocument(
        workspace=found.workspace, n=found.n, head=found.head, at=found.at, line=found.line
    )


def against(deck: Deck, text: str) -> AgainstDocument:
    """Compare a ledger with a head, an anchor, a file with an anchor, or another workspace.

    Parameters
    ----------
    deck : Deck
        Whose ledger.
    text : str
        A digest of 64 hex digits, an anchor's line, the path of a file that holds an anchor or a
        digest (the last anchor counts), or a workspace's folder.

    Returns
    -------
    AgainstDocument
        ``ok`` says whether this chain holds that head; else ``problem`` names the first entry
        where both differ, or where this one ends.

    Raises
    ------
    InvalidInputError
        The text is none of these.
    NotFoundError, NotPermittedError, UnavailableError
        The file or folder cannot be read.
    """
    text = text.strip()
    path = Path(text).expanduser()
    if is_digest(text):
        return _head(deck, text)
    if "modeldeck-anchor" in text:
        return _anchor(deck, anchor_from(text))
    if len(text) < 4096 and path.is_dir():
        return _folder(deck, path)
    if len(text) < 4096 and path.is_file():
        return _file(deck, path)
    msg = f"{text[:60]!r} is no head, no anchor, no file and no folder."
    raise InvalidInputError(msg, "`modeldeck ledger anchor` prints an anchor.")


def _file(deck: Deck, path: Path) -> AgainstDocument:
    text = files.read_bytes(path, _LIMIT).decode(errors="replace").strip()
    if is_digest(text):
        return _head(deck, text)
    return _anchor(deck, anchor_from(text))


def _head(deck: Deck, head: str) -> AgainstDocument:
    with deck.reading() as state:
        n = _held(state).get(head, 0)
        problem = "" if n else f"No entry of this ledger has the digest {head[:16]}…"
    return AgainstDocument(ok=bool(n), kind="head", n=n, head=head, problem=problem)


def _held(state: State) -> dict[str, int]:
    return {one.digest: one.n for one in state.activity}


def _anchor(deck: Deck, known: Anchor) -> AgainstDocument:
    with deck.reading() as state:
        problem = _anchor_problem(state, known)
    return AgainstDocument(
        ok=not problem, kind="anchor", n=known.n, head=known.head, problem=problem
    )


def _anchor_problem(state: State, known: Anchor) -> str:
    if known.workspace != state.workspace:
        return "The anchor is of another workspace: entry 1 differs."
    if known.n <= state.n and state.activity[known.n - 1].digest == known.head:
        return ""
    said = ""
    if copies.is_named(state, known.n, head=known.head, n_losses=0):
        said = " Owners named entries up to there as lost or replaced: see `ledger verify`."
    if known.n > state.n:
        return f"The ledger ends at entry {state.n}; the anchor is of entry {known.n}.{said}"
    return f"Entry {known.n} is another one than the anchor names.{said}"


def _folder(deck: Deck, path: Path) -> AgainstDocument:
    """Compare the bytes of all entries with those of another workspace's."""
    other = path if places.ledger_folder(path).is_dir() else None
    if other is None:
        msg = f"{path} is no workspace."
        raise InvalidInputError(msg, "Name the folder that has .modeldeck in it.")
    here, there = ledger.numbers(deck.root), ledger.numbers(other)
    if not there:
        msg = f"{path} has no entries."
        raise InvalidInputError(msg, "Name a workspace that was founded.")
    for n in sorted({*here, *there}):
        if n not in there:
            break
        if n not in here:
            problem = f"This ledger has no entry {n}; the other one goes on to {there[-1]}."
            return AgainstDocument(ok=False, kind="workspace", n=n, head="", problem=problem)
        data, known = (ledger.read_file(root, n)[0] for root in (deck.root, other))
        if data != known:
            problem = f"Entry {n} is the first one that differs from the other ledger's."
            return AgainstDocument(
                ok=False, kind="workspace", n=n, head=digest_of(known), problem=problem
            )
    head = digest_of(ledger.read_file(other, there[-1])[0])
    return AgainstDocument(ok=True, kind="workspace", n=there[-1], head=head, problem="")
