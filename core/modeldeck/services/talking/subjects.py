"""What people type, turned into a subject: an entity, or a place in one that is really there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.talking import places
from modeldeck.errors import NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.services.reading import facts
from modeldeck.store import files
from modeldeck.store import places as where

_PIECE = 1 << 20


def subject(deck: Deck, typed: str, *, entity: Callable[[str], str]) -> str:
    """Return the full name of an entity or place from what somebody typed.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    typed : str
        As ``churn-12``, ``k3f9wz#auc@120`` or ``k3f9wz#log:57``.
    entity : callable
        Finds an entity by what somebody typed.

    Raises
    ------
    NotFoundError, UsageError
        There is no such thing, or several.
    InvalidInputError
        That is not how a place is written.
    """
    if "#" not in typed:
        return entity(typed)
    name, _sign, text = typed.partition("#")
    found = entity(name)
    kind, _colon, identifier = found.partition(":")
    place = places.parse(text, kind=kind)
    if place.kind == "metric":
        _need_point(deck, identifier, place=place)
    else:
        _need_line(_log_of(deck, kind, identifier=identifier, name=place.name), place.number)
    written = f"{found}#{place}"
    places.check(written)
    return written


def _need_point(deck: Deck, run: str, *, place: places.Place) -> None:
    steps: set[int] = set()
    for number, record in enumerate(deck.runs.metrics(run)):
        for name, value in facts.values(record):
            if name == place.name:
                steps.add(facts.point(name, value, record=record, number=number)["step"])
    if not steps:
        msg = f"Run {ids.short(run)} has logged no metric {place.name[:80]!r}."
        raise NotFoundError(msg, f"`modeldeck run show {ids.short(run)}` shows its metrics.")
    if place.number not in steps:
        near = min(steps, key=lambda step: abs(step - place.number))
        msg = f"Run {ids.short(run)} has no value of {place.name[:80]} at step {place.number}."
        raise NotFoundError(msg, f"Step {near} is the nearest.")


def _log_of(deck: Deck, kind: str, *, identifier: str, name: str) -> Path:
    if kind == "run":
        return deck.runs.folder(identifier) / "output.log"
    model, _at, environment = identifier.partition("@")
    return where.endpoint_folder(deck.root, environment, model=model) / name


def _need_line(path: Path, number: int) -> None:
    """Refuse a line that a log does not have, reading no further than to it."""
    descriptor = files.open_regular(path)
    try:
        lines = at = 0
        is_torn = False
        while lines < number and (piece := os.pread(descriptor, _PIECE, at)):
            at += len(piece)
            lines += piece.count(b"\n")
            is_torn = not piece.endswith(b"\n")
    except OSError as error:
        raise files.read_error(error, path) from error
    finally:
        files.close(descriptor)
    if lines + is_torn < number:
        msg = f"{path.name} has {lines + is_torn:,} lines, none of number {number:,}."
        raise NotFoundError(msg, "Lines are counted from 1.")
