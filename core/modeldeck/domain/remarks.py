"""Annotations, tags and stop requests: what people say about an entity, asking a run to end.

What answers an annotation, and how one is edited: :mod:`modeldeck.domain.talking.threads`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.history.things import Annotation
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}")
MAX_TAG_VALUE = 200
SUBJECTS = ("run", "model", "version", "release", "endpoint", "dataset", "experiment")


def check_annotation(_: State, act: Act) -> None:
    """Check an annotation: about a kind of thing that exists, its text an object."""
    kind, _colon, name = act.subject.partition(":")
    if kind not in SUBJECTS or not name:
        msg = f"{act.subject[:80]!r} cannot be annotated."
        raise InvalidInputError(msg, f"Name one of: {', '.join(SUBJECTS)}, as in release:churn-1.")
    if not is_digest(act.body["object"]):
        msg = "The annotation's text is not named by a digest."
        raise InvalidInputError(msg)


def apply_annotation(state: State, act: Act) -> str:
    """Keep an annotation."""
    state.annotations[act.id] = Annotation(
        id=act.id, subject=act.subject, by=act.by, at=act.at, object=act.text("object")
    )
    state.touched.add(("annotations", act.id))
    return act.subject


def check_withdraw(state: State, act: Act) -> None:
    """Check that a remark is taken back by whoever wrote it, once."""
    known = state.annotations.get(act.entity)
    if known is None or known.is_withdrawn:
        msg = f"There is no annotation {act.entity[:80]!r}."
        raise NotFoundError(msg, "`modeldeck activity` shows what was said.")
    if known.by != act.by:
        msg = f"Only {known.by} can take that remark back."
        raise NotPermittedError(msg, "Answer it with one of your own.")
    if known.thread == known.id:
        msg = "A thread begins with that remark; it cannot be taken back."
        raise ConflictError(msg, f"`modeldeck thread resolve {known.id[:12]}` closes the thread.")


def apply_withdraw(state: State, act: Act) -> str:
    """Take a remark back: it stays in the ledger, and is shown no more."""
    known = state.annotations[act.entity]
    state.annotations[known.id] = replace(known, is_withdrawn=True)
    state.touched.add(("annotations", known.id))
    return known.subject


def check_redact(state: State, act: Act) -> None:
    """Check that a remark's text is removed by its author or an owner, once, with a reason."""
    known = state.annotations.get(act.entity)
    if known is None:
        msg = f"There is no annotation {act.entity[:80]!r}."
        raise NotFoundError(msg, "`modeldeck annotation list` shows those there are.")
    if known.redacted_by:
        msg = f"{known.redacted_by} removed that text already."
        raise ConflictError(msg)
    member = state.member(act.by)
    if known.by != act.by and not (member and member.is_owner):
        msg = f"Only {known.by} or an owner can remove that text."
        raise NotPermittedError(msg, "Ask one of them.")
    if not act.text("reason").strip():
        msg = "To remove a text you have to say why."
        raise InvalidInputError(msg, "Give a reason; it stays in the ledger.")


def apply_redact(state: State, act: Act) -> str:
    """Say that a remark's text is removed: its object need not be there any more."""
    known = state.annotations[act.entity]
    state.annotations[known.id] = replace(
        known, redacted_by=act.by, redacted_because=act.text("reason")
    )
    state.touched.add(("annotations", known.id))
    return known.subject


def check_tag(state: State, act: Act) -> None:
    """Check that a tag is put on a kind of thing that exists, and says something new."""
    kind, _colon, name = act.subject.partition(":")
    if kind not in SUBJECTS or not name:
        msg = f"{act.subject[:80]!r} cannot be tagged."
        raise InvalidInputError(msg, f"Name one of: {', '.join(SUBJECTS)}, as in run:k3f9wz.")
    tag, value = act.text("tag"), act.text("value")
    if not TAG.fullmatch(tag) or len(value) > MAX_TAG_VALUE:
        msg = f"{tag[:80]!r} is no tag."
        hint = f"Letters, digits, - _ . /, at most 64; a value has at most {MAX_TAG_VALUE}."
        raise InvalidInputError(msg, hint)
    if state.tags.get(act.subject, {}).get(tag) == value:
        msg = f"{act.subject} has the tag {tag} already."
        raise ConflictError(msg)


def apply_tag(state: State, act: Act) -> str:
    """Put a tag on an entity, or give one another value."""
    known = state.tags.get(act.subject, {})
    state.tags[act.subject] = {**known, act.text("tag"): act.text("value")}
    _tagged(state, act)
    return act.subject


def check_untag(state: State, act: Act) -> None:
    """Check that there is a tag to take away."""
    if act.text("tag") not in state.tags.get(act.subject, {}):
        msg = f"{act.subject[:80]} has no tag {act.text('tag')[:80]!r} in the ledger."
        raise NotFoundError(msg, "Tags that a run brought itself stay with it.")


def apply_untag(state: State, act: Act) -> str:
    """Take a tag away."""
    known = state.tags[act.subject]
    state.tags[act.subject] = {tag: known[tag] for tag in known if tag != act.text("tag")}
    _tagged(state, act)
    return act.subject


def _tagged(state: State, act: Act) -> None:
    """Have the document of a tagged version built again; runs take their tags when read."""
    state.tagged_n = act.n
    if act.entity in state.versions and act.subject.startswith("version:"):
        state.touched.add(("versions", act.entity))
    if act.entity in state.dataset_versions and act.subject.startswith("dataset:"):
        state.touched.add(("datasets", act.entity))


def check_stop(state: State, act: Act) -> None:
    """Check a request that a run stops."""
    kind, _colon, run = act.subject.partition(":")
    if kind != "run" or not ids.is_id(run):
        msg = f"{act.subject[:80]!r} is not a run."
        raise InvalidInputError(msg)
    if run in state.stops:
        msg = f"Run {ids.short(run)} was asked to stop already."
        raise ConflictError(msg, "It stops within seconds, if it is still alive.")


def apply_stop(state: State, act: Act) -> str:
    """Keep the request; the running job looks for it."""
    state.stops[act.entity] = act.n
    return act.subject
