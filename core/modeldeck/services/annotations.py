"""Annotations: dated remarks on any entity; the text is an object named by a salted digest.

The object is ``{"salt": "<32 hex digits>", "text": "…"}``: the ledger holds only its digest, so a
text can be removed later while the chain still verifies, and the salt keeps it from being guessed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from modeldeck import ids
from modeldeck.domain.documents import AnnotationDocument
from modeldeck.errors import InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.store import files

MAX_TEXT = 16_384


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
