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
from collections.abc import Mapping, Sequence

from modeldeck import ids
from modeldeck.domain.documents import AnnotationDocument, RedactionDocument
from modeldeck.domain.history.things import Annotation
from modeldeck.domain.talking import places
from modeldeck.errors import (
    DamageError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import needed_elsewhere
from modeldeck.services.base.views import Views
from modeldeck.services.talking import subjects, texts
from modeldeck.store.upkeep import trash


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

    def place(self, typed: str) -> str:
        """Return the full name of an entity or of a place in one, as ``k3f9wz#auc@120``.

        A place is a point of a metric or a line of a log; it has to be there. Errors are those of
        :func:`modeldeck.services.talking.subjects.subject`.
        """
        return subjects.subject(self.deck, typed, entity=self.entity)

    def add(self, typed: str, text: str) -> AnnotationDocument:
        """Write a remark on an entity, or a place in one.

        Raises
        ------
        InvalidInputError
            The text is empty or too long.
        NotFoundError
            There is no such entity.
        """
        subject = self.place(typed)
        stored = texts.store(self.deck, text)
        done = self.deck.commit("annotation.add", subject, body={"object": stored})
        return AnnotationDocument(
            id=self._id_of(done.n), subject=subject, by=done.by, at=done.at, text=text
        )

    def edit(self, typed: str, text: str) -> AnnotationDocument:
        """Give a remark of the actor's own another text; the earlier ones stay readable.

        Parameters
        ----------
        typed : str
            The remark's id, its beginning, or its entry as ``entry:N``.
        text : str
            What it shall say.

        Raises
        ------
        NotFoundError
            There is no such remark.
        NotPermittedError
            Somebody else wrote it.
        ConflictError
            It was taken back or removed, or was edited too often.
        InvalidInputError
            The text is empty or too long.
        """
        known = self.find(typed)
        stored = texts.store(self.deck, text)
        self.deck.commit("annotation.edit", f"annotation:{known.id}", body={"object": stored})
        return next(one for one in self.views.annotations() if one["id"] == known.id)

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
        known = self.find(typed)
        if not known.redacted_by:
            self.deck.commit("annotation.redact", f"annotation:{known.id}", body={"reason": reason})
            known = self.find(known.id)
        problems = [self._remove(digest) for digest in known.objects]
        problem = next((one for one in problems if one), "")
        return RedactionDocument(
            id=known.id,
            subject=known.subject,
            by=known.redacted_by,
            reason=known.redacted_because,
            removed=not problem,
            problem=problem,
        )

    def find(self, typed: str) -> Annotation:
        """Return a remark by its id, the beginning of that, or its entry as ``entry:N``.

        Raises
        ------
        NotFoundError
            There is no such remark, or there are several.
        """
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
            data = self.deck.objects.read(digest, limit=texts.MOST_BYTES)
            if texts.text_in(data) is None:
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
        """Return the remarks on one entity and places in it, or all, oldest first."""
        subject = ""
        if typed:
            try:
                subject = self.place(typed)
            except ModelDeckError:
                subject = typed
        return [
            one
            for one in self.views.annotations()
            if subject in {"", one["subject"], places.split(one["subject"])[0]}
        ]
