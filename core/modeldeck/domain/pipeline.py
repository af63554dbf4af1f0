"""Pipeline files: what one training run does, as a person wrote it in TOML.

::

    experiment = "tumour"                      # the question that the run belongs to
    name = "logistic"                          # default: the file's name
    seed = 7                                   # default 0; used wherever chance is

    [data]
    source = "sklearn:breast_cancer"           # or a .csv or .parquet file inside the workspace
    dataset = "sales@3"                        # in place of source: a version of a dataset
    target = "target"                          # the column to predict
    drop = ["id"]                              # columns to leave out

    [split]
    holdout_share = 0.25                       # default 0.2
    stratify = true                            # default: true for classifiers

    [[steps]]                                  # any number, in order
    name = "scaler"                            # default: the class in lower case
    type = "sklearn.preprocessing.StandardScaler"
    parameters = { with_mean = true }

    [estimator]
    type = "sklearn.linear_model.LogisticRegression"
    parameters = { max_iter = 500 }            # the text "None" stands for Python's None

    [search]
    kind = "grid"
    grid = { C = [0.1, 1.0], "scaler.with_mean" = [true, false] }

    [evaluation]
    folds = 5                                  # default 5
    metrics = ["accuracy", "roc_auc"]          # names of scikit-learn scorers
    best = "accuracy"                          # default: the first of the metrics

    [register]
    model = "tumour"                           # register the result as a version of this model
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from modeldeck import ids
from modeldeck.domain.datasets.formats import is_version
from modeldeck.domain.schema import Table, parse_toml
from modeldeck.errors import InvalidInputError

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
"""Data sets that come with scikit-learn."""

MAX_CANDIDATES = 500
"""A grid of more candidates than this is refused."""

_CLASS = re.compile(r"sklearn(\.[A-Za-z][A-Za-z0-9_]*)+")
_METRIC = re.compile(r"[a-z][a-z0-9_]{0,63}")
_STEP = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED = ("encoder", "estimator")

Value = str | int | float | bool | list["Value"] | None
"""A parameter's value."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where the rows come from, which column is to be predicted, which are left out.

    ``source`` is the version where ``dataset`` names one.
    """

    source: str
    target: str
    drop: tuple[str, ...] = ()
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """How much is held out; ``stratify`` None means: for classifiers."""

    holdout_share: float = 0.2
    stratify: bool | None = None


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One step or the estimator: a scikit-learn class by its dotted name, with parameters."""

    name: str
    type: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """Folds of the cross-validation, names of scorers, and the one that picks the best."""

    folds: int
    metrics: tuple[str, ...]
    best: str


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A checked pipeline file.

    Attributes
    ----------
    grid : Mapping of str to tuple
        Values to try by ``part.parameter``; empty without a search.
    register : str
        The model to register the result under; empty to register nothing.
    filename : str
        How the file is called in messages.
    lines : Mapping of str to int
        Where settings stand in the file, for problems that only show later.
    """

    experiment: str
    name: str
    seed: int
    data: DataSource
    split: SplitSpec
    steps: tuple[PartSpec, ...]
    estimator: PartSpec
    grid: Mapping[str, tuple[Value, ...]]
    evaluation: EvaluationSpec
    register: str
    filename: str
    lines: Mapping[str, int] = field(default_factory=dict)

    def candidates(self) -> list[dict[str, Value]]:
        """Return each combination of the grid's values; one empty one without a grid."""
        return [
            dict(zip(self.grid, values, strict=True))
            for values in itertools.product(*self.grid.values())
        ]

    def problem(self, key: str, text: str, *, hint: str = "") -> InvalidInputError:
        """Return the error for a setting whose problem shows only when it is used."""
        line = self.lines.get(key, 0)
        where = f"{self.filename}, line {line}" if line else self.filename
        return InvalidInputError(
            f"{where}: {key}: {text}.", hint, file=self.filename, line=line, key=key
        )

    def to_json(self) -> dict[str, object]:
        """Return the pipeline with every default filled in, as it is kept beside the model."""
        return {
            "experiment": self.experiment,
            "name": self.name,
            "seed": self.seed,
            "data": {
                **({"dataset": self.data.dataset} if self.data.dataset else {}),
                "source": self.data.source,
                "target": self.data.target,
                "drop": list(self.data.drop),
            },
            "split": {
                "holdout_share": self.split.holdout_share,
                "stratify": self.split.stratify,
            },
            "steps": [_part_json(step) for step in self.steps],
            "estimator": _part_json(self.estimator),
            "search": {key: list(values) for key, values in self.grid.items()},
            "evaluation": {
                "folds": self.evaluation.folds,
                "metrics": list(self.evaluation.metrics),
                "best": self.evaluation.best,
            },
            "register": self.register,
        }


def _part_json(part: PartSpec) -> dict[str, object]:
    return {"name": part.name, "type": part.type, "parameters": dict(part.parameters)}


def parse_pipeline(text: str, filename: str) -> PipelineSpec:
    """Read a pipeline file.

    Parameters
    ----------
    text : str
        The file's contents.
    filename : str
        How to call the file in messages; its stem is the default of ``name``.

    Raises
    ------
    InvalidInputError
        Something is missing, unknown or of the wrong kind; the message names file and line.
    """
    table = parse_toml(text, filename)
    steps = tuple(_steps(table))
    estimator = _estimator(table)
    spec = PipelineSpec(
        experiment=_name(table, "experiment", default=None),
        name=_name(table, "name", default=PurePosixPath(filename).stem.lower()),
        seed=_within(table, "seed", default=0, least=0, most=2**32 - 1),
        data=_data(table.table("data")),
        split=_split(table.table("split")),
        steps=steps,
        estimator=estimator,
        grid=_grid(table, [step.name for step in steps]),
        evaluation=_evaluation(table.table("evaluation")),
        register=_register(table),
        filename=filename,
        lines=_lines(table, steps),
    )
    table.finish()
    return spec


def _name(table: Table, key: str, *, default: str | None) -> str:
    found = table.take(key, str, default=default)
    if not ids.is_name(found):
        hint = "Use 1 to 64 characters of a-z, 0-9, dot, dash and underscore, not digits alone."
        raise table.fail(key, f"expected a name, found {found!r:.60}", hint=hint)
    return found


def _within(table: Table, key: str, *, default: int, least: int, most: int) -> int:
    found = table.take(key, int, default=default)
    if not least <= found <= most:
        raise table.fail(key, f"expected a whole number from {least} to {most}, found {found}")
    return found


def _data(table: Table) -> DataSource:
    dataset = _dataset(table)
    found = DataSource(
        source=dataset or _source(table),
        target=table.take("target", str),
        drop=table.texts("drop"),
        dataset=dataset,
    )
    if found.target in found.drop:
        raise table.fail("drop", "the target cannot be left out")
    table.finish()
    return found


def _dataset(table: Table) -> str:
    if not table.has("dataset"):
        return ""
    dataset = table.take("dataset", str)
    if table.has("source"):
        raise table.fail("dataset", "source and dataset cannot both be there", hint="Remove one.")
    if not is_version(dataset):
        hint = "`modeldeck dataset list` shows those there are."
        problem = f"expected a version such as sales@3, found {dataset!r:.60}"
        raise table.fail("dataset", problem, hint=hint)
    return dataset


def _source(table: Table) -> str:
    source = table.take("source", str)
    if source.startswith("sklearn:"):
        name = source.removeprefix("sklearn:")
        if name not in BUNDLED:
            expected = ", ".join(f"sklearn:{one}" for one in BUNDLED)
            raise table.fail("source", f"expected one of {expected}, found {source!r:.60}")
        return source
    path = PurePosixPath(source)
    if path.suffix not in {".csv", ".parquet"}:
        found = f"found {source!r:.80}"
        raise table.fail(
            "source", f"expected sklearn:NAME or a path ending in .csv or .parquet, {found}"
        )
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\\x00-\x1f\x7f]", source):
        problem = f"expected a path inside the workspace, found {source!r:.80}"
        raise table.fail("source", problem, hint="Put the file into datasets/.")
    return source


def _split(table: Table) -> SplitSpec:
    share = table.take("holdout_share", float, default=0.2)
    if not 0.01 <= share <= 0.9:
        raise table.fail("holdout_share", f"expected a share from 0.01 to 0.9, found {share}")
    stratify = table.take("stratify", bool) if table.has("stratify") else None
    table.finish()
    return SplitSpec(holdout_share=share, stratify=stratify)


def _steps(table: Table) -> list[PartSpec]:
    found: list[PartSpec] = []
    for one in table.tables("steps"):
        kind = _type(one)
        name = one.take("name", str, default=kind.rsplit(".", 1)[-1].lower())
        if not _STEP.fullmatch(name) or name in _RESERVED:
            expected = "a name of a-z, 0-9 and underscore other than encoder and estimator"
            raise one.fail("name", f"expected {expected}, found {name!r:.60}")
        if name in [step.name for step in found]:
            raise one.fail("name", f"two steps are called {name!r}", hint="Give one another name.")
        found.append(PartSpec(name=name, type=kind, parameters=_parameters(one)))
        one.finish()
    return found


def _estimator(table: Table) -> PartSpec:
    if not table.has("estimator"):
        hint = 'Add [estimator] with type = "sklearn.linear_model.LogisticRegression".'
        raise table.fail("estimator", "the table is missing", hint=hint)
    one = table.table("estimator")
    found = PartSpec(name="estimator", type=_type(one), parameters=_parameters(one))
    one.finish()
    return found


def _type(table: Table) -> str:
    kind = table.take("type", str)
    if _CLASS.fullmatch(kind):
        return kind
    hint = "For example sklearn.preprocessing.StandardScaler."
    if ".py" in kind:
        hint = "Code from files (file.py:function) cannot be used in pipelines of this version."
    problem = f"expected the dotted name of a scikit-learn class, found {kind!r:.80}"
    raise table.fail("type", problem, hint=hint)


def _parameters(table: Table) -> dict[str, Value]:
    inner = table.table("parameters")
    return {key: _value(inner, key, value=inner.raw(key)) for key in inner.data}


def _value(table: Table, key: str, *, value: object) -> Value:
    if isinstance(value, list):
        return [_value(table, key, value=one) for one in value]
    if value == "None":
        return None
    if isinstance(value, str | int | float):
        return value
    expected = "a text, number, true, false or a list of them"
    raise table.fail(key, f"expected {expected}, found {value!r:.60}")


def _grid(table: Table, steps: list[str]) -> dict[str, tuple[Value, ...]]:
    if not table.has("search"):
        return {}
    search = table.table("search")
    search.choice("kind", ("grid",), default="grid")
    inner = search.table("grid")
    found: dict[str, tuple[Value, ...]] = {}
    for key, values in _flat(inner):
        part, dot, _ = key.rpartition(".")
        if dot and part not in (*steps, "estimator"):
            near = difflib.get_close_matches(part, steps, n=1)
            problem = f"there is no step {part!r}; expected one of {', '.join(steps) or 'none'}"
            raise inner.fail(key, problem, hint=f"Did you mean {near[0]!r}?" if near else "")
        if not isinstance(values, list) or not values:
            raise inner.fail(key, f"expected a list of values to try, found {values!r:.60}")
        found[key if dot else f"estimator.{key}"] = tuple(
            _value(inner, key, value=one) for one in values
        )
    search.finish()
    return _counted(inner, found)


def _flat(grid: Table) -> list[tuple[str, object]]:
    """Return keys and values; an unquoted ``scaler.with_mean`` is a table in TOML."""
    found: list[tuple[str, object]] = []
    for key in grid.data:
        value = grid.raw(key)
        if isinstance(value, dict):
            found += [(f"{key}.{inner}", values) for inner, values in value.items()]
        else:
            found.append((key, value))
    return found


def _counted(inner: Table, grid: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    count = 1
    for values in grid.values():
        count *= len(values)
    if not grid or count > MAX_CANDIDATES:
        problem = f"expected 1 to {MAX_CANDIDATES} candidates, found {count if grid else 0}"
        raise inner.fail("", problem, hint="Try fewer values.")
    return grid


def _evaluation(table: Table) -> EvaluationSpec:
    metrics = table.texts("metrics")
    if not metrics:
        raise table.fail("metrics", "expected at least one metric", hint='Such as ["accuracy"].')
    for metric in metrics:
        if not _METRIC.fullmatch(metric) or metrics.count(metric) > 1:
            problem = f"expected different names of scikit-learn scorers, found {metric!r:.60}"
            raise table.fail("metrics", problem)
    found = EvaluationSpec(
        folds=_within(table, "folds", default=5, least=2, most=50),
        metrics=metrics,
        best=table.choice("best", metrics, default=metrics[0]),
    )
    table.finish()
    return found


def _register(table: Table) -> str:
    if not table.has("register"):
        return ""
    one = table.table("register")
    model = _name(one, "model", default=None)
    one.finish()
    return model


def _lines(table: Table, steps: tuple[PartSpec, ...]) -> dict[str, int]:
    """Return where the settings stand that scikit-learn or the data may object to later."""
    data = table.table("data")
    found = {"data.source": data.line_of("dataset" if data.has("dataset") else "source")}
    found["data.target"] = table.table("data").line_of("target")
    found["data.drop"] = table.table("data").line_of("drop")
    found["evaluation.metrics"] = table.table("evaluation").line_of("metrics")
    found["evaluation.folds"] = table.table("evaluation").line_of("folds")
    found["search.grid"] = table.table("search").line_of("grid")
    found["split.holdout_share"] = table.table("split").line_of("holdout_share")
    found["estimator"] = table.table("estimator").line_of("type")
    for step, one in zip(steps, table.tables("steps"), strict=True):
        found[step.name] = one.line_of("type")
    return found
