"""Model versions: registered once, never changed; the fold gives them their numbers."""

from __future__ import annotations

from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.state import Act, State, Version
from modeldeck.errors import ConflictError, InvalidInputError


def check_register(state: State, act: Act) -> None:
    """Check a registration: a model's name, and content that is new, or so at a higher level."""
    model = ids.check_name(act.entity, "a model")
    manifest = act.text("manifest")
    if not is_digest(manifest):
        msg = "The manifest is not named by a digest."
        raise InvalidInputError(msg)
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
