"""The rule of dataset versions: added once, never changed; the fold gives them their numbers."""

from __future__ import annotations

from modeldeck import ids
from modeldeck.domain.entry import is_digest
from modeldeck.domain.history.things import DatasetVersion
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError

MAX_REASON = 2_000


def check_add(state: State, act: Act) -> None:
    """Check a new version: a dataset's name, and contents that are no version of it yet."""
    kind, _colon, _name = act.subject.partition(":")
    name = ids.check_name(act.entity, "a dataset")
    if kind != "dataset":
        msg = f"{act.subject[:80]!r} is not a dataset."
        raise InvalidInputError(msg)
    if not is_digest(act.body["digest"]) or not is_digest(act.body["description"]):
        msg = "The contents or their description are not named by a digest."
        raise InvalidInputError(msg)
    if len(act.text("reason")) > MAX_REASON:
        msg = f"A reason has at most {MAX_REASON:,} characters."
        raise InvalidInputError(msg)
    for identifier in state.datasets.get(name, ()):
        if state.dataset_versions[identifier].digest == act.text("digest"):
            msg = f"That content is there already, as {identifier}."
            raise ConflictError(msg, f"Use {identifier}.", version=identifier)


def apply_add(state: State, act: Act) -> str:
    """Keep contents under the next number of their dataset."""
    name = act.entity
    known = state.datasets.get(name, ())
    identifier = f"{name}@{len(known) + 1}"
    state.dataset_versions[identifier] = DatasetVersion(
        id=identifier,
        name=name,
        number=len(known) + 1,
        digest=act.text("digest"),
        description=act.text("description"),
        reason=act.text("reason"),
        by=act.by,
        at=act.at,
        level=act.level,
    )
    state.datasets[name] = (*known, identifier)
    state.touched.add(("datasets", identifier))
    return f"dataset:{identifier}"
