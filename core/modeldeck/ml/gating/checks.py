"""The checks of a gate that look at a model: each gives a verdict, a number and a sentence.

Everything fails closed: what is missing, cannot be computed or is no number does not pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from modeldeck.domain.documents import CheckDocument, IntervalDocument
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.ml import folder as files
from modeldeck.ml import rows
from modeldeck.ml.data import read_parquet
from modeldeck.ml.estimators import Vector
from modeldeck.ml.frames import Features, from_anything, to_input
from modeldeck.ml.gating.comparison import LEAST_ROWS, compare
from modeldeck.ml.gating.resampling import Predicted
from modeldeck.ml.persistence import load_model, read_signature
from modeldeck.ml.prediction import predict, predict_features
from modeldeck.ml.scoring import score, target_vector
from modeldeck.ml.signature import Signature

MAX_HOLDOUT = 1 << 30
MAX_DIGESTS = 256 << 20
_TIMED = 200  # single-row predictions that are timed, at most
_TIMED_LEAST = 20
_TIMED_S = 2.0  # and for how long


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; ``margin`` is how far the value is on the good side."""

    passed: bool
    reason: str
    value: float | None = None
    threshold: float | None = None
    margin: float | None = None
    interval: IntervalDocument | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check as the gate's specification gives it; a bound that is not set is None."""

    name: str
    kind: str
    metric: str
    required: bool
    least: float | None
    most: float | None
    margin: float

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Check:
        """Read a check out of the specification, where numbers may be texts.

        Raises
        ------
        ValueError
            A bound is no number.
        """
        return cls(
            name=str(value.get("name") or value.get("kind", "")),
            kind=str(value.get("kind", "")),
            metric=str(value.get("metric") or ""),
            required=value.get("required", True) is not False,
            least=_bound(value.get("min")),
            most=_bound(value.get("max")),
            margin=_bound(value.get("margin")) or 0.0,
        )

    def document(self, verdict: Verdict) -> CheckDocument:
        """Return the line of the gate report."""
        found: CheckDocument = {
            "name": self.name,
            "kind": self.kind,
            "metric": self.metric,
            "required": self.required,
            "passed": verdict.passed,
            "value": verdict.value,
            "threshold": verdict.threshold,
            "margin": verdict.margin,
            "reason": verdict.reason,
        }
        if verdict.interval is not None:
            found["interval"] = verdict.interval
        return found


def _bound(value: object) -> float | None:
    if value is None or value == "":
        return None
    found = float(value) if isinstance(value, str | int | float) else math.nan
    if not math.isfinite(found):
        msg = f"{value!r:.40} is no bound"
        raise ValueError(msg)
    return found


@dataclass
class Side:
    """One version: its folder, and what is loaded from it when a check first asks."""

    folder: Path

    @cached_property
    def signature(self) -> Signature:
        """The version's signature."""
        return read_signature(self.folder)

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 -- an estimator of any class; scikit-learn has no types
        """The loaded estimator."""
        return load_model(self.folder)

    @cached_property
    def holdout(self) -> pl.DataFrame:
        """The rows held out, with the target."""
        content = files.read(self.folder / files.HOLDOUT, MAX_HOLDOUT)
        frame = from_anything(read_parquet(content, files.HOLDOUT))
        if self.signature["target"] not in frame.columns:
            msg = "the hold-out has no target column"
            raise InvalidInputError(msg)
        return frame

    @cached_property
    def training_rows(self) -> rows.Digests:
        """Digests of the rows that it was trained on."""
        return rows.from_bytes(files.read(self.folder / files.TRAINING_ROWS, MAX_DIGESTS))

    def features(self, frame: pl.DataFrame) -> Features:
        """Return a frame as this version's estimator takes it."""
        return to_input(frame, self.signature["inputs"], container=self.signature["container"])

    def was_trained_on(self, frame: pl.DataFrame) -> Vector:
        """Say for each row whether this version was trained on it."""
        columns = [one["name"] for one in self.signature["inputs"]]
        digests = rows.row_digests(frame, [*columns, self.signature["target"]])
        return np.isin(digests, self.training_rows)


@dataclass
class Case:
    """What is checked: the candidate, and the live version if there is or was one."""

    candidate: Side
    live: Side | None = None
    live_version: str = ""

    @property
    def truth(self) -> Vector:
        """The target of the candidate's hold-out."""
        return target_of(self.candidate, self.candidate.holdout)


def target_of(side: Side, frame: pl.DataFrame) -> Vector:
    """Return the target column as scorers take it."""
    return target_vector(frame, side.signature["target"], task=side.signature["task"])


def run_check(check: Check, case: Case) -> Verdict:
    """Run one check; whatever goes wrong in it is a verdict, never an exception.

    Parameters
    ----------
    check : Check
        What to look at.
    case : Case
        The candidate and the live version.
    """
    kind = _KINDS.get(check.kind)
    if kind is None:
        return Verdict(passed=False, reason=f"there is no check of kind {check.kind!r:.40}")
    try:
        return kind(check, case)
    except ModelDeckError as error:
        return Verdict(passed=False, reason=str(error))
    except Exception as error:  # noqa: BLE001 -- a check that breaks has not passed
        text = f"{error}".partition("\n")[0][:200]
        return Verdict(passed=False, reason=f"the check broke: {type(error).__name__}: {text}")


def _threshold(check: Check, case: Case) -> Verdict:
    if not (case.candidate.folder / files.HOLDOUT).exists():
        return _no_holdout(case)
    side = case.candidate
    value = score(side.model, side.features(side.holdout), target=case.truth, metric=check.metric)
    if not math.isfinite(value):
        return Verdict(passed=False, reason=f"{check.metric} cannot be computed for this model")
    verdict = _within(check, value)
    n = len(case.truth)
    shown = f"{check.metric} {value:.6g} on {n:,} hold-out rows, {verdict.reason}"
    return Verdict(verdict.passed, shown, value, verdict.threshold, verdict.margin)


def _no_holdout(case: Case) -> Verdict:
    reason = "insufficient data: the version has no hold-out rows"
    if (case.candidate.folder / files.METRICS).exists():
        reason += "; its own metrics are not taken on trust"
    return Verdict(passed=False, reason=reason)


def _within(check: Check, value: float, *, show: Callable[[float], str] = "{:g}".format) -> Verdict:
    """Compare a value with its bounds; the nearer bound gives threshold and margin."""
    distances = []
    if check.least is not None:
        distances.append((value - check.least, check.least, f"at least {show(check.least)}"))
    if check.most is not None:
        distances.append((check.most - value, check.most, f"at most {show(check.most)}"))
    if not distances:
        return Verdict(passed=False, reason="the check names no bound", value=value)
    margin, threshold, asked = min(distances)
    return Verdict(margin >= 0, f"{asked} asked", value, threshold, margin)


def _no_regression(check: Check, case: Case) -> Verdict:
    if not case.live_version:
        return Verdict(passed=True, reason="no live version yet")
    if case.live is None:
        reason = f"the files of the live version {case.live_version} are missing"
        return Verdict(passed=False, reason=reason)
    if not (case.candidate.folder / files.HOLDOUT).exists():
        return _no_holdout(case)
    problem = _cannot_compare(case.candidate, case.live, name=case.live_version)
    if problem:
        return Verdict(passed=False, reason=problem)
    frame = case.candidate.holdout
    seen = case.candidate.was_trained_on(frame) | case.live.was_trained_on(frame)
    usable = frame.filter(~seen)
    if usable.height < LEAST_ROWS:
        left_out = f"{int(seen.sum())} of {frame.height} were trained on by one of the two"
        reason = f"insufficient data: {usable.height} hold-out rows are left, {left_out}"
        return Verdict(passed=False, reason=f"{reason}; {LEAST_ROWS} are needed")
    return _compared(check, case, usable=usable)


def _cannot_compare(candidate: Side, live: Side, *, name: str) -> str:
    for side, whose in ((candidate, "this version"), (live, name)):
        if not (side.folder / files.TRAINING_ROWS).exists():
            hint = "log a model with its training rows and target as examples"
            return f"insufficient data: it is not known which rows {whose} was trained on; {hint}"
    for key in ("target", "task"):
        ours, theirs = candidate.signature[key], live.signature[key]
        if ours != theirs:
            return f"{name} has the {key} {theirs!r:.60}, this version {ours!r:.60}"
    return ""


def _compared(check: Check, case: Case, *, usable: pl.DataFrame) -> Verdict:
    live = case.live
    if live is None:
        return Verdict(passed=False, reason="there is no live version")
    found = compare(said(case.candidate, usable), said(live, usable), metric=check.metric)
    if not all(map(math.isfinite, (found.value, found.low, found.high))):
        return Verdict(passed=False, reason=f"{check.metric} cannot be computed for both versions")
    margin = found.high + check.margin
    allowed = f" ({check.margin:g} less is allowed)" if check.margin else ""
    reason = (
        f"{'significantly' if margin < 0 else 'not significantly'} worse{allowed}: "
        f"{check.metric} {found.candidate:.4g} against {found.live:.4g} of {case.live_version}, "
        f"difference {found.value:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, "
        f"on {found.n_rows:,} rows that neither was trained on"
    )
    interval: IntervalDocument = {
        "live": found.live,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "n_rows": found.n_rows,
    }
    bound = found.live - check.margin
    return Verdict(margin >= 0, reason, found.candidate, bound, margin, interval)


def said(side: Side, frame: pl.DataFrame) -> Predicted:
    """Return what a version says about some rows, with what is true."""
    features, model = side.features(frame), side.model
    labels, probabilities = predict_features(model, features)
    is_classifier = side.signature["task"] == "classification"
    scores = model.decision_function(features) if hasattr(model, "decision_function") else None
    return Predicted(
        target=target_of(side, frame),
        labels=labels,
        probabilities=probabilities,
        scores=scores,
        classes=model.classes_ if is_classifier and hasattr(model, "classes_") else None,
    )


def _schema(check: Check, case: Case) -> Verdict:  # noqa: ARG001 -- all kinds are called alike
    if not case.live_version:
        return Verdict(passed=True, reason="no live version yet")
    if case.live is None:
        reason = f"the files of the live version {case.live_version} are missing"
        return Verdict(passed=False, reason=reason)
    problems = schema_problems(case.candidate.signature, case.live.signature)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        reason = f"requests for {case.live_version} would fail: {'; '.join(problems[:3])}{more}"
        return Verdict(passed=False, reason=reason, value=float(len(problems)), threshold=0.0)
    n = len(case.candidate.signature["inputs"])
    return Verdict(passed=True, reason=f"takes the same {n} columns as {case.live_version}")


def schema_problems(candidate: Signature, live: Signature) -> list[str]:
    """Return why requests or answers of the live version would not suit the candidate."""
    ours = {one["name"]: one for one in candidate["inputs"]}
    theirs = {one["name"]: one for one in live["inputs"]}
    found = [f"it also needs {name!r}" for name in ours if name not in theirs]
    found += [f"it does not take {name!r}" for name in theirs if name not in ours]
    for name in ours.keys() & theirs.keys():
        found += _column_problems(ours[name], theirs[name])
    ours_out, theirs_out = candidate["outputs"][:1], live["outputs"][:1]
    for key in ("type", "classes"):
        before, now = ([one.get(key) for one in side] for side in (theirs_out, ours_out))
        if before != now:
            found.append(f"its answers have other {key}")
    return sorted(found)


def _column_problems(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    found = []
    name = ours["name"]
    widened = theirs["type"] == "int64" and ours["type"] == "float64"
    if ours["type"] != theirs["type"] and not widened:
        found.append(f"{name!r} is {ours['type']} and was {theirs['type']}")
    if theirs.get("nullable") and not ours.get("nullable"):
        found.append(f"{name!r} may not be missing any more")
    unknown = set(theirs.get("categories", ())) - set(ours.get("categories", ()))
    if unknown and "categories" in ours:
        found.append(f"{name!r} does not know {min(unknown)!r:.40}")
    return found


def _size(check: Check, case: Case) -> Verdict:
    value = float(sum(one.stat().st_size for one in case.candidate.folder.iterdir()))
    verdict = _within(check, value, show=_as_bytes)
    shown = f"{_as_bytes(value)}, {verdict.reason}"
    return Verdict(verdict.passed, shown, value, verdict.threshold, verdict.margin)


def _as_bytes(value: float) -> str:
    return f"{value:,.0f} bytes"


def _as_ms(value: float) -> str:
    return f"{value * 1000:.3g} ms"


def _latency(check: Check, case: Case) -> Verdict:
    side = case.candidate
    examples = side.signature["examples"]["inputs"]
    if not examples:
        return Verdict(passed=False, reason="insufficient data: there are no example rows to time")
    model, signature = side.model, side.signature
    times: list[float] = []
    deadline = time.perf_counter() + _TIMED_S
    predict(model, signature, rows=examples[:1])
    while len(times) < _TIMED_LEAST or (len(times) < _TIMED and time.perf_counter() < deadline):
        start = time.perf_counter()
        predict(model, signature, rows=[examples[len(times) % len(examples)]])
        times.append(time.perf_counter() - start)
    value = float(np.percentile(times, 95))
    verdict = _within(check, value, show=_as_ms)
    shown = f"95 % of {len(times)} single rows within {_as_ms(value)}, {verdict.reason}"
    return Verdict(verdict.passed, shown, value, verdict.threshold, verdict.margin)


_KINDS: dict[str, Callable[[Check, Case], Verdict]] = {
    "threshold": _threshold,
    "no-regression": _no_regression,
    "schema": _schema,
    "size": _size,
    "latency": _latency,
}
