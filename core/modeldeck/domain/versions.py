"""Model versions: registered once, never changed; the fold gives them their numbers.

Versions also come from other workspaces. Their decisions decide nothing here: each version is
registered anew, and an entry ``workspace.sync`` names the other's id, its head, and an object that
lists its entries and what was taken, as evidence.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.exceptional.revoking import need_unrevoked
from modeldeck.domain.history.things import Sync
from modeldeck.domain.state import Act, State, Version
from modeldeck.errors import ConflictError, InvalidInputError


def check_register(state: State, act: Act) -> None:
    """Check a registration: a model's name, and content that is new, or so at a higher level."""
    model = ids.check_name(act.entity, "a model")
    manifest = act.text("manifest")
    if not is_digest(manifest):
        msg = "The manifest is not named by a digest."
        raise InvalidInputError(msg)
    run = act.text("run")
    if run in state.deleted:
        msg = f"Run {ids.short(run)} is deleted."
        raise ConflictError(msg, f"`modeldeck run undelete {ids.short(run)}` takes that back.")
    need_unrevoked(state, manifest, what="That content")
    for identifier in state.models.get(model, ()):
        known = state.versions[identifier]
        if known.manifest == manifest and act.level <= known.level:
            msg = f"That content is registered already, as {identifier}."
            raise ConflictError(msg, f"Use {identifier}.", version=identifier)


def apply_register(state: State, act: Act) -> str:
    """Register a version under the next number of its model.

    The same content once more, by somebody whose identity is surer, raises the level of the
    version that it is; whoever registered it before stays one of its authors.
    """
    model = act.entity
    known = state.models.get(model, ())
    for one in known:
        before = state.versions[one]
        if before.manifest == act.text("manifest"):
            authors = tuple(dict.fromkeys((*before.authors, before.by, *act.texts("authors"))))
            state.versions[one] = replace(before, by=act.by, authors=authors, level=act.level)
            state.touched |= {("versions", one), ("models", model)}
            return f"version:{one}"
    number = len(known) + 1
    identifier = f"{model}@{number}"
    state.versions[identifier] = Version(
        id=identifier,
        model=model,
        number=number,
        manifest=act.text("manifest"),
        run=act.text("run"),
        by=act.by,
        authors=act.texts("authors"),
        at=act.at,
        level=act.level,
    )
    state.models[model] = (*known, identifier)
    state.touched |= {("versions", identifier), ("models", model)}
    return f"version:{identifier}"


def check_sync(state: State, act: Act) -> None:
    """Check that it is about another workspace, and goes on where the last one ended."""
    kind, _colon, other = act.subject.partition(":")
    if kind != "workspace" or not is_digest(other):
        msg = f"{act.subject[:80]!r} is no workspace."
        raise InvalidInputError(msg)
    if other == state.workspace:
        msg = "A workspace cannot take in itself."
        raise InvalidInputError(msg, "Name the folder of another one.")
    ids.check_name(act.text("name"), "a workspace")
    if not is_digest(act.body["head"]) or not is_digest(act.body["taken"]):
        msg = "The head, or what was taken, is not named by a digest."
        raise InvalidInputError(msg)
    known = state.syncs.get(other)
    if act.number("n") < (known.n if known else 1):
        msg = f"The workspace {act.text('name')} was taken in further than entry {act.number('n')}."
        raise ConflictError(msg, "Sync with the newer copy of it.")
    if known and (known.head, known.taken) == (act.text("head"), act.text("taken")):
        msg = f"That of the workspace {known.name} was taken in already."
        raise ConflictError(msg)


def apply_sync(state: State, act: Act) -> str:
    """Keep how far the other workspace was taken in."""
    state.syncs[act.entity] = Sync(
        workspace=act.entity,
        name=act.text("name"),
        n=act.number("n"),
        head=act.text("head"),
        taken=act.text("taken"),
        by=act.by,
        at=act.at,
    )
    return act.subject
