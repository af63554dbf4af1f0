"""What differs between two model versions, from the predicates of their manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck.domain.documents import CheckDocument, DiffRow
from modeldeck.domain.metrics import goal_in

Predicate = Mapping[str, object]


def rows(before: Predicate, after: Predicate) -> list[DiffRow]:
    """Return the differences: every metric, and of the rest only what changed."""
    return [
        *_metrics(before, after),
        *_changed("parameters", _parameters(before), new=_parameters(after)),
        *_changed("data", _data(before), new=_data(after)),
        *_changed("libraries", _mapping(before, "libraries"), new=_mapping(after, "libraries")),
        *_changed("size", _size(before), new=_size(after)),
    ]


def judged(found: Sequence[DiffRow], checks: Sequence[CheckDocument]) -> list[DiffRow]:
    """Return rows whose metrics are better or worse only where a check's interval says so.

    Parameters
    ----------
    found : sequence of DiffRow
        As :func:`rows` returns them.
    checks : sequence of CheckDocument
        Of a gate report; those with an interval tell how sure a metric's difference is.
    """
    sure: dict[str, bool | None] = {}
    for one in checks:
        if "interval" in one:
            low, high = one["interval"]["low"], one["interval"]["high"]
            if isinstance(low, int | float) and isinstance(high, int | float):
                sure[one["metric"]] = True if low > 0 else False if high < 0 else None
    return [
        {**one, "better": sure[one["name"]]}
        if one["section"] == "metrics" and one["name"] in sure
        else one
        for one in found
    ]


def _mapping(predicate: Predicate, name: str) -> dict[str, object]:
    value = predicate.get(name)
    return dict(value) if isinstance(value, dict) else {}


def _metrics(before: Predicate, after: Predicate) -> list[DiffRow]:
    old, new = _mapping(before, "metrics"), _mapping(after, "metrics")
    goals = {**_mapping(before, "goals"), **_mapping(after, "goals")}
    found = []
    for name in sorted(set(old) | set(new)):
        left, right = old.get(name), new.get(name)
        delta, better = "", None
        if isinstance(left, int | float) and isinstance(right, int | float):
            change = right - left
            delta = f"{change:+.4g}"
            sign = -1 if goal_in(name, goals) == "min" else 1
            better = None if change == 0 else change * sign > 0
        found.append(
            _row(
                "metrics", name, before=_text(left), after=_text(right), delta=delta, better=better
            )
        )
    return found


def _parameters(predicate: Predicate) -> dict[str, object]:
    pipeline = _mapping(predicate, "pipeline")
    found = _mapping(pipeline, "parameters")
    estimator = pipeline.get("estimator")
    if isinstance(estimator, str):
        found["estimator"] = estimator.rsplit(".", 1)[-1]
    elif isinstance(estimator, dict):
        found["estimator"] = str(estimator.get("type", "")).rsplit(".", 1)[-1]
        inner = estimator.get("parameters")
        if isinstance(inner, dict):
            found = {**inner, **found}
    return found


def _data(predicate: Predicate) -> dict[str, object]:
    dataset = _mapping(predicate, "dataset")
    columns = dataset.get("columns")
    digest = str(dataset.get("sha256", ""))[:12]
    return {
        "source": dataset.get("source", ""),
        "rows": dataset.get("rows", ""),
        "columns": len(columns) if isinstance(columns, list) else "",
        "sha256": digest,
    }


def _size(predicate: Predicate) -> dict[str, object]:
    sizes = _mapping(predicate, "sizes_bytes")
    size = sizes.get("model.skops", "")
    return {"model file": f"{size:,} bytes" if isinstance(size, int) else ""}


def _changed(section: str, old: dict[str, object], *, new: dict[str, object]) -> list[DiffRow]:
    return [
        _row(section, name, before=_text(old.get(name)), after=_text(new.get(name)))
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name)
    ]


def _row(
    section: str, name: str, *, before: str, after: str, delta: str = "", better: bool | None = None
) -> DiffRow:
    return DiffRow(
        section=section, name=name, before=before, after=after, delta=delta, better=better
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
