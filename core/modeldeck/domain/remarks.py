"""Annotations and stop requests: what people say about an entity, and asking a run to end."""

from __future__ import annotations

from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.state import Act, Annotation, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

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


def apply_withdraw(state: State, act: Act) -> str:
    """Take a remark back: it stays in the ledger, and is shown no more."""
    known = state.annotations[act.entity]
    state.annotations[known.id] = replace(known, is_withdrawn=True)
    state.touched.add(("annotations", known.id))
    return known.subject


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
