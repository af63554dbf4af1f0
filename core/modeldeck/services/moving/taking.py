"""One run of MLflow as the files of a run here.

The id is made of MLflow's own, so that a second import finds the run; ``run.json`` keeps under
``mlflow`` where it comes from (``run_id``, ``experiment_id``, ``experiment``) and ``digest``, the
SHA-256 of all that was read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from modeldeck import ids
from modeldeck.domain.documents import MetricSummary
from modeldeck.services.moving.reading.values import (
    BRANCH,
    COMMIT,
    HOME,
    NAME,
    PARENT,
    USER,
    Point,
    SourceRun,
    latest,
    moment,
    parameter,
)
from modeldeck.store import files
from modeldeck.store.records import Summaries

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SUFFIX = 6
KIND = "mlflow"


def id_of(run: SourceRun) -> str:
    """Return the id here of a run of MLflow: when it began, and six characters of its id's digest.

    A run that was exported from ModelDeck has its own id again.

    Examples
    --------
    >>> id_of(SourceRun("c9cd007b07f7442689298f8a9139aa08", "1", started_ms=1795632649136))
    '20261125-185049-3t7a73'
    """
    if ids.is_id(run.tags.get(HOME, "")):
        return run.tags[HOME]
    seconds = run.started_ms // 1000 if moment(run.started_ms) else 0
    begun = datetime.fromtimestamp(seconds, UTC)
    number = int.from_bytes(hashlib.sha256(run.id.encode("utf-8", "replace")).digest()[:8], "big")
    suffix = "".join(_ALPHABET[number >> (5 * at) & 31] for at in range(_SUFFIX))
    identifier = f"{begun:%Y%m%d-%H%M%S}-{suffix}"
    if not ids.is_id(identifier):  # years before 1000 have fewer digits
        return f"19700101-000000-{suffix}"
    return identifier


def contents(
    run: SourceRun,
    points: Sequence[Point],
    *,
    run_id: str,
    parent: str,
    experiment: str,
    title: str,
) -> dict[str, bytes]:
    """Return the files of a run, by name; one that has not ended has no ``end.json``.

    Parameters
    ----------
    run : SourceRun
        The run.
    points : Sequence of Point
        All values of its metrics.
    run_id, parent : str
        Its id here, and its parent's; the latter may be empty.
    experiment, title : str
        The experiment's name here, and MLflow's.
    """
    begun = _begun(run, run_id=run_id, parent=parent, experiment=experiment)
    begun["mlflow"] = {
        "run_id": run.id,
        "experiment_id": run.experiment,
        "experiment": title,
        "digest": digest_of(run, points),
    }
    found = {
        "run.json": files.dumps(_sound(begun)),
        "output.log": b"",
        "metrics.jsonl": b"".join(
            files.dumps(one) for one in records(points, is_live=run.state == "running")
        ),
    }
    if run.state != "running":
        ended = {
            **begun,
            "status": run.state,
            "ended_at": moment(run.ended_ms) or begun["started_at"],
            "exit_code": {"finished": 0, "cancelled": 130}.get(run.state, 1),
            "error": {},
            "metrics": summaries(points),
        }
        found["end.json"] = files.dumps(_sound(ended))
    return found


def _begun(run: SourceRun, *, run_id: str, parent: str, experiment: str) -> dict[str, object]:
    tags = run.tags
    code = {"commit": tags.get(COMMIT, ""), "branch": tags.get(BRANCH, "")}
    return {
        "v": 1,
        "id": run_id,
        "experiment": experiment,
        "name": tags.get(NAME) or run.name,
        "kind": KIND,
        "parent": parent,
        "user": tags.get(USER) or run.user or "unknown",
        "host": "",
        "pid": 0,
        "argv": [],
        "python": "",
        "started_at": moment(run.started_ms) or "1970-01-01T00:00:00.000000Z",
        "parameters": {key: parameter(one) for key, one in run.parameters.items()},
        "tags": dict(tags),
        "definitions": {},
        "code": code if code["commit"] else {},
        "packages": {},
        "seed": None,
    }


def records(points: Sequence[Point], *, is_live: bool = False) -> list[dict[str, object]]:
    """Return values as the records of a run's stream: those of one time and step together.

    Of a run that is live each is a record of its own, so that what comes later is appended to what
    readers have read already.
    """
    found: list[dict[str, object]] = []
    metrics: dict[str, float] = {}
    before: tuple[int, int] | None = None
    for one in sorted(points, key=lambda point: (point.at, point.step)):
        if is_live or (one.at, one.step) != before or one.key in metrics:
            metrics = {}
            found.append({"at": one.at / 1000, "step": one.step, "metrics": metrics})
            before = (one.at, one.step)
        metrics[one.key] = one.value
    return found


def summaries(points: Sequence[Point]) -> dict[str, MetricSummary]:
    """Return each metric's summary; its last value is what MLflow calls the latest."""
    by_key: dict[str, list[Point]] = {}
    for one in points:
        by_key.setdefault(one.key, []).append(one)
    found = Summaries({})
    for key, known in by_key.items():
        last = latest(known)
        for one in known:
            found.add({key: one.value}, one.step)
        found.add({key: last.value}, last.step)
    return found.documents()


def digest_of(run: SourceRun, points: Sequence[Point]) -> str:
    """Return the digest of all that was read of a run but its place."""
    whole = {
        "run": [run.id, run.name, run.user, run.status, run.started_ms, run.ended_ms],
        "parameters": run.parameters,
        "tags": run.tags,
        "points": sorted(
            [one.key, one.at, one.step, "NaN" if math.isnan(one.value) else repr(one.value)]
            for one in points
        ),
    }
    return hashlib.sha256(files.dumps(_sound(whole))).hexdigest()


def parent_of(run: SourceRun, known: Mapping[str, str]) -> str:
    """Return the id here of a run's parent; empty without one."""
    return known.get(run.tags.get(PARENT, ""), "")


def _sound(value: object) -> object:
    """Return a value whose texts are all Unicode."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_sound(key): _sound(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_sound(one) for one in value]
    return value
