"""A request that a version answers: the example rows that were kept when it was saved."""

from __future__ import annotations

from modeldeck.errors import DamageError, NotFoundError
from modeldeck.services.base import manifests
from modeldeck.store.objects import ObjectStore

SIGNATURE = "signature.json"


def request_of(objects: ObjectStore, manifest: str) -> dict[str, object]:
    """Return the body of a request to ``/predict`` as ``{"rows": [{column: value}, …]}``.

    Parameters
    ----------
    objects : ObjectStore
        What the workspace keeps.
    manifest : str
        The version's manifest, by its digest.

    Raises
    ------
    DamageError
        The manifest or the signature is missing or changed.
    NotFoundError
        The version was saved without rows.
    """
    digest = manifests.parts(manifests.read(objects, manifest)).get(SIGNATURE, "")
    rows = _rows(objects, digest) if digest else []
    if not rows:
        msg = "The version was saved without example rows."
        raise NotFoundError(msg, "Give examples=… to run.log_model, and register that run.")
    return {"rows": rows}


def _rows(objects: ObjectStore, digest: str) -> list[dict[str, object]]:
    """Return the rows of a signature that anybody may have written."""
    try:
        value = manifests.read_json(objects.read(digest, limit=manifests.MAX_JSON))
    except ValueError:
        msg = f"Object {digest[:12]} is no signature."
        raise DamageError(msg, "Do not use this version; register the model again.") from None
    examples = value.get("examples") if isinstance(value, dict) else None
    rows = examples.get("inputs") if isinstance(examples, dict) else None
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
