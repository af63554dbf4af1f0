"""Training: candidates by cross-validation, the best fitted again and scored on the hold-out."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from modeldeck.domain.pipeline import PipelineSpec, Value
from modeldeck.errors import InvalidInputError
from modeldeck.ml.data import Dataset
from modeldeck.ml.estimators import (
    Estimator,
    build,
    check_metrics,
    input_error,
    task_of,
    unwrapped,
)
from modeldeck.ml.scoring import evaluate
from modeldeck.ml.split import Problem, folds, pose

_FIT_ERRORS = (ValueError, TypeError, AttributeError, IndexError, ArithmeticError)


class Recorder(Protocol):
    """Where training tells what happens: the run, or one candidate's run."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log metrics."""

    def line(self, level: str, text: str) -> None:
        """Write a line of the log; level is INFO, WARNING or ERROR."""

    def progress(self, done: int, total: int, *, text: str) -> None:
        """Say how far the whole training is."""

    def candidate(
        self, number: int, parameters: Mapping[str, Value]
    ) -> AbstractContextManager[Recorder]:
        """Open the record of one candidate; an error that leaves it marks it failed."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training made.

    Attributes
    ----------
    model : Estimator
        Fitted on the training rows.
    problem : Problem
        The rows it was trained and scored on.
    parameters : Mapping
        The best candidate's values.
    metrics : dict
        Contents of ``metrics.json``.
    """

    model: Estimator
    problem: Problem
    parameters: Mapping[str, Value]
    metrics: dict[str, Any]


@dataclass(slots=True)
class _Progress:
    recorder: Recorder
    total: int
    done: int = 0

    def step(self, text: str) -> None:
        self.done += 1
        self.recorder.progress(self.done, self.total, text=text)


def train(spec: PipelineSpec, dataset: Dataset, *, recorder: Recorder) -> Trained:
    """Train a pipeline.

    Parameters
    ----------
    spec : PipelineSpec
        What to do.
    dataset : Dataset
        Loaded by :func:`modeldeck.ml.data.load`.
    recorder : Recorder
        Told of every fold, candidate and warning.

    Raises
    ------
    InvalidInputError
        The pipeline does not fit scikit-learn or the data, or every candidate failed.
    InsufficientDataError
        There are too few rows.
    """
    check_metrics(spec)
    candidates = spec.candidates()
    pipelines = [build(spec, dataset.text_columns, parameters=values) for values in candidates]
    problem = pose(spec, dataset, task=task_of(pipelines[0][-1]), pipeline=pipelines[0])
    rows = f"{len(problem.training):,} rows to train on, {len(problem.holdout):,} held out"
    recorder.line("INFO", f"{dataset.source}: {len(dataset.features)} columns, {rows}")
    progress = _Progress(recorder, total=len(candidates) * spec.evaluation.folds + 2)
    scores = _search(spec, problem, pipelines=pipelines, progress=progress)
    best = max(scores, key=lambda number: scores[number][spec.evaluation.best][0])
    with _warnings_logged(recorder):
        model = _fit(spec, pipelines[best], problem=problem, rows=problem.training)
    progress.step("best candidate fitted on all training rows")
    holdout = _score(spec, model, problem=problem, rows=problem.holdout)
    for name, value in holdout.items():
        recorder.line("INFO", f"{name} {value:.6g} on the hold-out")
    recorder.log(holdout, 0)
    metrics = _metrics(spec, problem, scores=scores[best], holdout=holdout)
    return Trained(unwrapped(model), problem, candidates[best], metrics)


Scores = dict[str, tuple[float, float]]
"""Mean and standard deviation over the folds, by metric."""


def _search(
    spec: PipelineSpec, problem: Problem, *, pipelines: list[Pipeline], progress: _Progress
) -> dict[int, Scores]:
    """Cross-validate every candidate; those that fail are left out."""
    found: dict[int, Scores] = {}
    failures: list[InvalidInputError] = []
    recorder = progress.recorder
    for number, parameters in enumerate(spec.candidates()):
        label = f"candidate {number + 1} of {len(pipelines)}"
        try:
            with _record(spec, recorder, number=number, parameters=parameters) as own:
                scores = _cross_validate(
                    spec, problem, pipeline=pipelines[number], own=own, progress=progress
                )
        except InvalidInputError as error:
            failures.append(error)
            recorder.line("WARNING", f"{label} failed: {error.message}")
            progress.done = (number + 1) * spec.evaluation.folds
            continue
        best = spec.evaluation.best
        if np.isfinite(scores[best][0]):
            found[number] = scores
        recorder.log({f"cv_{name}": mean for name, (mean, _) in scores.items()}, number)
        shown = " ".join(f"{key}={value}" for key, value in parameters.items())
        mean, spread = scores[best]
        recorder.line("INFO", f"{label}: {best} {mean:.4f} ± {spread:.4f} {shown}".rstrip())
    if not found:
        raise failures[0] if failures else _no_number(spec)
    return found


def _no_number(spec: PipelineSpec) -> InvalidInputError:
    best = spec.evaluation.best
    return spec.problem("evaluation.metrics", f"{best} is no number for any candidate")


@contextmanager
def _record(
    spec: PipelineSpec, recorder: Recorder, *, number: int, parameters: Mapping[str, Value]
) -> Iterator[Recorder | None]:
    """Open a candidate's record; without a grid the training run itself is the only record."""
    if not spec.grid:
        with _warnings_logged(recorder):
            yield None
        return
    with recorder.candidate(number, parameters) as own, _warnings_logged(own):
        yield own


def _cross_validate(
    spec: PipelineSpec,
    problem: Problem,
    *,
    pipeline: Pipeline,
    own: Recorder | None,
    progress: _Progress,
) -> Scores:
    values: dict[str, list[float]] = {name: [] for name in spec.evaluation.metrics}
    for fold, (fit, score) in enumerate(folds(spec, problem)):
        model = _fit(spec, pipeline, problem=problem, rows=fit)
        scored = _score(spec, model, problem=problem, rows=score)
        for name, value in scored.items():
            values[name].append(value)
        shown = " ".join(f"{name}={value:.4f}" for name, value in scored.items())
        (own or progress.recorder).line("INFO", f"fold {fold + 1}: {shown}")
        if own:
            own.log(scored, fold)
        progress.step(f"fold {fold + 1} of {spec.evaluation.folds}")
    found = {name: (float(np.mean(each)), float(np.std(each))) for name, each in values.items()}
    if own:
        own.log({f"cv_{name}": mean for name, (mean, _) in found.items()}, 0)
    return found


def _fit(spec: PipelineSpec, pipeline: Pipeline, *, problem: Problem, rows: Any) -> Pipeline:  # noqa: ANN401 -- row numbers
    features, target = problem.rows(rows)
    fitted: Pipeline = clone(pipeline)
    try:
        fitted.fit(features, target)
    except _FIT_ERRORS as error:
        raise input_error(spec, error) from error
    return fitted


def _score(spec: PipelineSpec, model: Pipeline, *, problem: Problem, rows: Any) -> dict[str, float]:  # noqa: ANN401 -- row numbers
    features, target = problem.rows(rows)
    try:
        return evaluate(model, features, target=target, metrics=spec.evaluation.metrics)
    except _FIT_ERRORS as error:
        text = f"{error}".partition("\n")[0][:300].rstrip(".")
        raise spec.problem("evaluation.metrics", f"cannot be computed: {text}") from error


@contextmanager
def _warnings_logged(recorder: Recorder) -> Iterator[None]:
    """Write each different warning of scikit-learn into the log once, with how often it came."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    counts = Counter(f"{one.message}".strip().partition("\n")[0][:300] for one in caught)
    for text, count in counts.items():
        recorder.line("WARNING", text if count == 1 else f"{text} ({count} times)")


def _metrics(
    spec: PipelineSpec, problem: Problem, *, scores: Scores, holdout: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "holdout": dict(holdout),
        "cv": {name: {"mean": mean, "std": std} for name, (mean, std) in scores.items()},
        "goal": dict.fromkeys(spec.evaluation.metrics, "max"),
        "best": spec.evaluation.best,
        "n_holdout": len(problem.holdout),
        "n_train": len(problem.training),
    }
