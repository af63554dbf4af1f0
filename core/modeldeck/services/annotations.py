"""Annotations: dated remarks on any entity; the text is an object named by a salted digest.

The object is ``{"salt": "<32 hex digits>", "text": "…"}``: the ledger holds only its digest, so a
text can be removed later while the chain still verifies. The salt goes with it: a digest of a short
text alone tells the text to whoever tries a few thousand guesses ("fired Bob", a name, a number);
that of a text with 128 random bits tells nothing. Objects of texts without a salt are removed the
same way; of those the digest that stays in the ledger can still be compared with guesses.

What cannot be taken back: copies that somebody made before, and backups. A backup made afterwards
leaves removed texts out.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping, Sequence

from modeldeck import ids
from modeldeck.domain.documents import AnnotationDocument, RedactionDocument
from modeldeck.domain.history.things import Annotation
from modeldeck.errors import (
    DamageError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import needed_elsewhere
from modeldeck.services.base.views import Views
from modeldeck.store import files
from modeldeck.store.upkeep import trash

MAX_TEXT = 16_384
_MOST_BYTES = 8 * MAX_TEXT
"""An object that is larger holds no remark."""


class Annotations:
    """The annotations of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def entity(self, typed: str) -> str:
        """Return the full name of an entity from what somebody typed.

        ``kind:id`` names any; without a kind ``churn@7`` is a version, ``churn@production`` an
        endpoint, ``churn-12`` a release, ``churn`` a model or experiment, an id's ending a run;
        ``dataset:sales@3`` is a version of a dataset, also without its kind if nothing else is.

        Raises
        ------
        NotFoundError, UsageError
            There is no such thing, or several.
        """
        kind, colon, name = typed.partition(":")
        if not colon:
            return self._guess(typed)
        with self.deck.reading() as state:
            known: dict[str, Sequence[str]] = {
                "version": list(state.versions),
                "release": list(state.releases),
                "endpoint": list(state.endpoints),
                "model": list(state.models),
                "dataset": [*state.datasets, *state.dataset_versions],
            }
        if kind == "run":
            return f"run:{ids.resolve(name, self.deck.runs.ids(), what='run')}"
        if kind == "experiment":
            known["experiment"] = [one["experiment"] for one in self.views.runs()]
        if name not in known.get(kind, []):
            msg = f"There is no {kind[:40]} {name[:80]!r}."
            raise NotFoundError(msg, "Name a run, model, version, release, endpoint or dataset.")
        return f"{kind}:{name}"

    def _guess(self, typed: str) -> str:
        for kind in ("version", "endpoint", "release", "model", "experiment", "dataset"):
            try:
                return self.entity(f"{kind}:{typed}")
            except NotFoundError:
                continue
        try:
            return self.entity(f"run:{typed}")
        except NotFoundError:
            kinds = "run, model, version, release, endpoint or dataset"
            msg = f"There is no {kinds} {typed[:80]!r}."
            raise NotFoundError(msg, "`modeldeck activity` shows what there is.") from None

    def add(self, typed: str, text: str) -> AnnotationDocument:
        """Write a remark on an entity.

        Raises
        ------
        InvalidInputError
            The text is empty or too long.
        NotFoundError
            There is no such entity.
        """
        if not text.strip() or len(text) > MAX_TEXT:
            msg = f"A remark has 1 to {MAX_TEXT:,} characters; this one has {len(text):,}."
            raise InvalidInputError(msg)
        subject = self.entity(typed)
        self.deck.need_writable()
        try:
            data = files.dumps({"salt": secrets.token_hex(16), "text": text})
        except UnicodeEncodeError:
            msg = "The remark holds characters that are no Unicode text."
            raise InvalidInputError(msg, "Remove them.") from None
        stored = self.deck.objects.put(data)
        done = self.deck.commit("annotation.add", subject, body={"object": stored})
        return AnnotationDocument(
            id=self._id_of(done.n), subject=subject, by=done.by, at=done.at, text=text
        )

    def withdraw(self, annotation: str) -> None:
        """Take back a remark of the actor's own; the ledger keeps that it was made.

        Raises
        ------
        NotFoundError
            There is no such remark, or it was taken back already.
        NotPermittedError
            Somebody else wrote it.
        """
        self.deck.commit("annotation.withdraw", f"annotation:{annotation}", body={})

    def redact(self, typed: str, reason: str) -> RedactionDocument:
        """Remove the text of a remark for good; the ledger keeps who wrote it, when and about what.

        Its author and owners may. First an entry says so, then the object goes; where that fails
        (it belongs to another account), calling this again removes it without another entry.

        Parameters
        ----------
        typed : str
            The annotation's id, its beginning, or its entry as ``entry:N``.
        reason : str
            Why; it is kept and shown in the text's place.

        Raises
        ------
        NotFoundError
            There is no such remark.
        NotPermittedError
            Somebody else wrote it, and the actor is no owner, or not sure enough.
        InvalidInputError
            There is no reason.
        """
        known = self._annotation(typed)
        if not known.redacted_by:
            self.deck.commit("annotation.redact", f"annotation:{known.id}", body={"reason": reason})
            known = self._annotation(known.id)
        problem = self._remove(known.object)
        return RedactionDocument(
            id=known.id,
            subject=known.subject,
            by=known.redacted_by,
            reason=known.redacted_because,
            removed=not problem,
            problem=problem,
        )

    def _annotation(self, typed: str) -> Annotation:
        with self.deck.reading() as state:
            kind, _colon, n = typed.partition(":")
            if kind == "entry":
                found = [one for one in state.annotations if str(state.ids.get(one, 0)) == n]
            else:
                found = [one for one in state.annotations if typed and one.startswith(typed)]
            if typed in found or len(found) == 1:
                return state.annotations[typed if typed in found else found[0]]
        msg = f"There is no annotation {typed[:40]!r}."
        if found:
            msg = f"Several annotations begin with {typed[:40]!r}."
        raise NotFoundError(msg, "`modeldeck annotation list` shows their ids.")

    def _remove(self, digest: str) -> str:
        """Remove a redacted text's object; return why it stays, if so.

        Only what is a remark and nothing else goes: whoever names a model's file in an annotation
        and has that redacted removes nothing.
        """
        with self.deck.reading() as state:
            if digest in needed_elsewhere(self.deck.objects, state):
                return "another entry names the same object"
        for copy in trash.copies(self.deck.root, digest):
            with contextlib.suppress(OSError):  # of another account: it is emptied by them
                copy.unlink()
        try:
            data = self.deck.objects.read(digest, limit=_MOST_BYTES)
            if not _is_remark(data):
                return "its object is no remark"
            self.deck.objects.remove(digest)
        except DamageError as error:
            return "" if self.deck.objects.problem(digest) == "is missing" else error.message
        except NotPermittedError as error:
            return (
                f"{error.message} The account that owns the file, or the folder's owner, does the "
                "same again"
            )
        return ""

    def tag(self, typed: str, tag: str, *, value: str = "") -> str:
        """Put a tag on an entity, or give one another value; return the entity's full name.

        Raises
        ------
        InvalidInputError
            That is no tag: letters, digits and ``-_./``, at most 64; a value has at most 200.
        ConflictError
            It has that tag already.
        NotFoundError
            There is no such entity.
        """
        subject = self.entity(typed)
        self.deck.commit("tag.add", subject, body={"tag": tag, "value": value})
        return subject

    def untag(self, typed: str, tag: str) -> str:
        """Take a tag from an entity; return the entity's full name.

        Raises
        ------
        NotFoundError
            There is no such entity, or it has no such tag in the ledger.
        """
        subject = self.entity(typed)
        self.deck.commit("tag.remove", subject, body={"tag": tag})
        return subject

    def tags(self, typed: str) -> Mapping[str, str]:
        """Return the tags that the ledger gives an entity, with their values."""
        subject = self.entity(typed)
        with self.deck.reading() as state:
            return dict(state.tags.get(subject, {}))

    def _id_of(self, n: int) -> str:
        return next(key for key, position in self.deck.state.ids.items() if position == n)

    def list(self, typed: str = "") -> Sequence[AnnotationDocument]:
        """Return the annotations on one entity, or all, oldest first."""
        subject = ""
        if typed:
            try:
                subject = self.entity(typed)
            except ModelDeckError:
                subject = typed
        return [one for one in self.views.annotations() if subject in {"", one["subject"]}]


def _is_remark(data: bytes) -> bool:
    """Say whether an object holds a remark's text, with or without a salt."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"text"} <= value.keys() <= {"text", "salt"}
