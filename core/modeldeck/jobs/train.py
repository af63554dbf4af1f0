"""Trains a pipeline: the run, its candidates as child runs, the model, and its version.

``python -P -m modeldeck.jobs.train --workspace ROOT --run ID --user NAME [--key FILE] PIPELINE``
writes what it says into the run's ``output.log``; the exit code is that of its error.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from modeldeck import clock
from modeldeck.domain.pipeline import PipelineSpec, Value, parse_pipeline
from modeldeck.errors import ModelDeckError
from modeldeck.ml import data, training
from modeldeck.ml.datasets.reading import Source
from modeldeck.ml.persistence import save_model
from modeldeck.store import files
from modeldeck.tracking.run import Run
from modeldeck.tracking.start import start_run
from modeldeck.workspace import Workspace

MAX_PIPELINE = 1 << 20


class Recorder:
    """Hands what training tells to a run; candidates get runs of their own."""

    def __init__(self, run: Run, spec: PipelineSpec, *, user: str) -> None:
        self.run = run
        self.spec = spec
        self.user = user

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log metrics."""
        self.run.log(values, step)

    def line(self, level: str, text: str) -> None:
        """Write a line of the log."""
        self.run.log_text(f"{clock.to_text(clock.utc_now())} {level:<7} {text}\n")

    def progress(self, done: int, total: int, *, text: str) -> None:
        """Say how far the whole training is."""
        self.run.progress(done, total, text=text)

    @contextlib.contextmanager
    def candidate(self, number: int, parameters: Mapping[str, Value]) -> Iterator[Recorder]:
        """Open a candidate's run."""
        with start_run(
            self.spec.experiment,
            name=f"{self.spec.name} {number + 1}",
            parameters=effective(self.spec, parameters),
            metrics=goals(self.spec),
            parent=self.run.id,
            workspace=self.run.workspace,
            kind="candidate",
            user=self.user,
            seed=self.spec.seed,
            capture_output=False,
        ) as run:
            yield Recorder(run, self.spec, user=self.user)


def goals(spec: PipelineSpec) -> dict[str, str]:
    """Return the goals of a pipeline's metrics: of scikit-learn's scorers, greater is better.

    Notes
    -----
    https://scikit-learn.org/stable/modules/model_evaluation.html, "scoring: string name scorers".
    """
    names = spec.evaluation.metrics
    return dict.fromkeys((*names, *(f"cv_{name}" for name in names)), "max")


def effective(spec: PipelineSpec, chosen: Mapping[str, Value]) -> dict[str, object]:
    """Return what makes one candidate: the estimator, and every parameter that the file sets."""
    found: dict[str, object] = {"estimator": spec.estimator.type.rsplit(".", 1)[-1]}
    found |= spec.estimator.parameters
    for step in spec.steps:
        found |= {f"{step.name}.{key}": value for key, value in step.parameters.items()}
    return found | {key.removeprefix("estimator."): value for key, value in chosen.items()}


def frozen(spec: PipelineSpec, root: Path) -> data.Frozen | None:
    """Return the version of a dataset that a pipeline names, verified; None without one.

    Raises
    ------
    ModelDeckError
        There is no such version, its contents are not here, or they are damaged.
    """
    if not spec.data.dataset:
        return None
    with Workspace.open(root, is_read_only=True) as workspace:
        version, tables = workspace.datasets.tables(spec.data.dataset)
        is_read_at_once = len(tables) == 1 and tables[0][2] in {"csv", "parquet"}
        if not is_read_at_once and version["snapshot"] != "none":  # else reading it verifies it
            workspace.datasets.need_whole(version["id"])
    return data.Frozen(tuple(Source(*one) for one in tables), version["digest"])


def train(run: Run, spec: PipelineSpec, *, user: str, key: str) -> None:
    """Train, keep the model with the run, and register it when the pipeline says so.

    Raises
    ------
    ModelDeckError
        The pipeline or its data are not acceptable, or the version may not be registered.
    """
    recorder = Recorder(run, spec, user=user)
    dataset = data.load(spec, run.workspace, frozen=frozen(spec, run.workspace))
    run.log_dataset(dataset.source, digest=dataset.sha256)
    trained = training.train(spec, dataset, recorder=recorder)
    chosen = effective(spec, trained.parameters)
    run.log_parameters(chosen)
    aside = run.folder / "artifacts" / ".model.tmp"
    try:
        save_model(
            trained.model,
            aside,
            target=dataset.target,
            training=trained.problem.frame[trained.problem.training],
            holdout=trained.problem.frame[trained.problem.holdout],
            metrics=trained.metrics,
            dataset=dataset.to_json(),
            pipeline={**spec.to_json(), "parameters": chosen},
        )
        aside.rename(aside.with_name("model"))
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    recorder.line("INFO", "model saved")
    if spec.register:
        with Workspace.open(run.workspace, user=user, key=key) as workspace:
            version = workspace.models.register(run.id, spec.register)["id"]
        run.set_tags({"version": version})
        recorder.line("INFO", f"registered as {version}")


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def work(options: argparse.Namespace) -> int:
    """Train as the command line says; return the exit code."""
    path: Path = options.pipeline
    text = files.read_bytes(path, MAX_PIPELINE).decode(errors="replace")
    spec = parse_pipeline(text, path.name)
    run = start_run(
        spec.experiment,
        name=spec.name,
        tags={"pipeline": path.name},
        metrics=goals(spec),
        workspace=options.workspace,
        run_id=options.run,
        kind="training",
        user=options.user,
        seed=spec.seed,
        capture_output=False,
        is_strict=True,
    )
    for descriptor in (1, 2):
        os.dup2(run.output_descriptor, descriptor)
    try:
        with run:
            try:
                train(run, spec, user=options.user, key=options.key)
            except ModelDeckError as error:
                Recorder(run, spec, user=options.user).line("ERROR", str(error))
                raise
    except ModelDeckError as error:
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one pipeline."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.train")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--run", default="")
    parser.add_argument("--user", default="")
    parser.add_argument("--key", default="")
    parser.add_argument("pipeline", type=Path)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return work(parser.parse_args(arguments))
    except ModelDeckError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
