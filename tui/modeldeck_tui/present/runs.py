"""Runs: the table, the page of one, and comparing several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from modeldeck.domain.datasets.documents import DatasetDocument, named
from modeldeck.domain.documents import (
    ComparisonDocument,
    DifferenceDocument,
    MetricSummary,
    RunDocument,
)
from modeldeck.domain.filters.fields import metric as metric_of
from modeldeck.domain.metrics import goal_of, in_order
from modeldeck.domain.reading.comparing import goal_of_summary
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, counted, number, size
from modeldeck_tui.present.charts import Point, reduced
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact, took
from modeldeck_tui.present.words import run_status

SAMPLE = 200
"""Runs that decide which columns there are."""

MOST_COMPARED = 20_000
"""Runs among which the best of each metric is looked for."""

_LEAST_COMPARED = 2
_FEW, _MANY = 3, 24


def short(run: RunDocument) -> str:
    """Return the part of a run's id that people see."""
    return run["id"].rsplit("-", 1)[-1]


def table(runs: Sequence[RunDocument], now: str, *, is_wide: bool = False) -> Rows:
    """Return runs as rows: what they are, the metrics they share, the parameters that differ."""
    sample = runs[:SAMPLE]
    most = _MANY if is_wide else _FEW
    columns = [
        Column("ID", lambda o: cell(short(o), "bold"), lambda o: o["id"]),
        Column("STATUS", _status, lambda o: o["status"]),
        Column("EXPERIMENT", lambda o: cell(o["experiment"]), lambda o: o["experiment"]),
        Column("NAME", lambda o: cell(o["name"]), lambda o: o["name"]),
        Column(
            "AGE",
            lambda o: cell(ago(o["started_at"], now), "dim"),
            lambda o: o["started_at"],
            "right",
        ),
        *(_metric_column(name, best_of(runs, name)) for name in metric_names(sample)[:most]),
        *(_parameter_column(name, sample) for name in varying(sample)[:most]),
        Column("TOOK", lambda o: cell(took(o["duration_s"])), lambda o: o["duration_s"], "right"),
        Column("OWNER", lambda o: cell(o["user"]), lambda o: o["user"]),
        Column("VERSION", lambda o: cell(_version(o)), _version),
        Column("TAGS", lambda o: cell(_tags(o), "dim"), _tags),
    ]
    if is_wide:
        columns.append(Column("HOST", lambda o: cell(o["host"], "dim"), lambda o: o["host"]))
    return Rows(columns, runs, key=lambda o: f"run:{o['id']}", detail=_detail)


def _status(run: RunDocument) -> Cell:
    for word in ("deleted", "archived"):
        if f"{word}_at" in run:
            return cell(f"{run_status(run['status']).text}, {word}", "dim")
    if run["status"] == "running":
        progress = run["progress"]
        if progress and progress["total"]:
            return Cell(f"● {min(1.0, progress['done'] / progress['total']):4.0%}", "good")
    return run_status(run["status"])


_OWN_COLUMNS = frozenset({"pipeline", "version"})
"""Tags that say where a run comes from and what became of it: no tags that people put on it."""


def _tags(run: RunDocument) -> str:
    return " ".join(tags({k: v for k, v in run["tags"].items() if k not in _OWN_COLUMNS}))


def _version(run: RunDocument) -> str:
    """Return the version that was made of a run; empty for none."""
    return run["tags"].get("version", "")


def tags(found: Mapping[str, str]) -> list[str]:
    """Return tags as people write them, with the value of those that have one."""
    return [f"{name}={value}" if value else name for name, value in found.items()]


def _detail(run: RunDocument) -> str:
    return clean(f"{run['id']} by {run['user']}@{run['host']}, begun {exact(run['started_at'])}")


def metric_names(runs: Sequence[RunDocument]) -> list[str]:
    """Return the metrics of some runs: those that most of them have first, cross-validated last."""
    counted = Counter(name for one in runs for name in one["metrics"])
    return sorted(counted, key=lambda name: (name.startswith("cv_"), -counted[name], name))


def varying(runs: Sequence[RunDocument]) -> list[str]:
    """Return the parameters of some runs: those that differ most first, constant ones last."""
    values: dict[str, set[str]] = {}
    for one in runs:
        for name, value in one["parameters"].items():
            values.setdefault(name, set()).add(str(value))
    return sorted(values, key=lambda name: (-min(len(values[name]), 9), name))


def best_of(runs: Sequence[RunDocument], name: str) -> float | None:
    """Return the best last value of a metric; None among too many, or where all are the same."""
    if len(runs) > MOST_COMPARED:
        return None
    found = [one["metrics"][name] for one in runs if name in one["metrics"]]
    values = [last for one in found if isinstance(last := one["last"], int | float)]
    if len(set(values)) < _LEAST_COMPARED:
        return None
    return max(values) if _goal(found, name) == "max" else min(values)


def _goal(found: Sequence[MetricSummary], name: str) -> str:
    """Return which way is better: as the runs kept their best, else as the name says."""
    goals = {goal_of_summary(one) for one in found} - {""}
    return goals.pop() if len(goals) == 1 else goal_of(name, {})


def _metric_column(name: str, best: float | None) -> Column:
    def value(run: RunDocument) -> object:
        return metric_of(run, name)

    def shown(run: RunDocument) -> Cell:
        found = value(run)
        if found is not None and found == best:
            return cell(f"▲{number(found)}", "good")
        return cell(number(found) or "-")

    return Column(clean(name), shown, value, "point")


def _parameter_column(name: str, sample: Sequence[RunDocument]) -> Column:
    def value(run: RunDocument) -> object:
        return run["parameters"].get(name)

    def shown(run: RunDocument) -> Cell:
        found = value(run)
        return cell("-" if found is None else number(found) or found)

    has_words = any(isinstance(value(one), str) for one in sample)
    return Column(clean(name), shown, value, "left" if has_words else "point")


def about(
    run: RunDocument,
    versions: Sequence[DatasetDocument] = (),
    *,
    children: Sequence[RunDocument] = (),
) -> list[Line]:
    """Return what a run is, field by field; its data by the versions that they are."""
    progress = run["progress"]
    states = Counter(one["status"] for one in children)
    fields: dict[str, object] = {
        "status": run_status(run["status"]).text,
        "progress": progress.get("text", "") if progress else "",
        "error": run["error"].get("message", "") if run["error"] else "",
        "run": run["id"],
        "experiment": run["experiment"],
        "name": run["name"],
        "by": f"{run['user']}@{run['host']}",
        "begun": exact(run["started_at"]),
        "ended": exact(run["ended_at"]) if run["ended_at"] else "",
        "took": took(run["duration_s"]),
        "continued": counted(run["resumes"], "time") if "resumes" in run else "",
        "parent": run["parent"],
        "data": ", ".join(named(run.get("datasets", []), versions)),
        "children": ", ".join(f"{count} {status}" for status, count in states.most_common()),
        "notes": " · ".join(run.get("notes", ())),
        "tags": ", ".join(tags(run["tags"])),
    }
    return [
        Line(name, (cell(name, "dim"), cell(value, "bad" if name == "error" else "")))
        for name, value in fields.items()
        if value
    ]


def metrics(run: RunDocument) -> list[Line]:
    """Return a run's metrics: last, best, least, most, last step."""
    return [
        Line(
            name,
            (
                cell(name, "bold"),
                cell(number(one["last"])),
                cell(number(one["best"]), "good"),
                cell(number(one["min"]), "dim"),
                cell(number(one["max"]), "dim"),
                cell(one["step"], "dim"),
            ),
        )
        for name in in_order(run["metrics"])
        for one in [run["metrics"][name]]
    ]


def longest(curves: Mapping[str, Sequence[Point]]) -> tuple[str, Sequence[Point]]:
    """Return the curve with the most values, plain metrics before cross-validated ones.

    A single value is no curve: the name is empty then.
    """
    names = sorted(curves, key=lambda name: (-len(curves[name]), plain_first(name)))
    if not names or len(curves[names[0]]) < _LEAST_COMPARED:
        return "", ()
    return names[0], curves[names[0]]


METRIC_COLUMNS = ("METRIC", ".LAST", ".BEST", ".MIN", ".MAX", ">STEP")
"""The titles of :func:`metrics`."""


def parameters(run: RunDocument) -> list[Line]:
    """Return a run's parameters."""
    return [
        Line(name, (cell(name), cell(number(value) or value)))
        for name, value in run["parameters"].items()
    ]


def files(found: Sequence[tuple[str, int]]) -> list[Line]:
    """Return a run's artifacts."""
    return [Line(path, (cell(path), cell(size(n_bytes), "dim"))) for path, n_bytes in found]


def environment(about_run: Mapping[str, Mapping[str, object]]) -> list[Line]:
    """Return what is known of where a run happened: code, packages, host, arguments."""
    known = {**about_run.get("end", {}), **about_run.get("run", {})}
    found = []
    for name in ("python", "seed", "argv", "code", "packages", "host", "user", "pid", "kind"):
        value = known.get(name)
        if isinstance(value, dict):
            rows = [(f"{name} {inner}", one) for inner, one in value.items()]
        else:
            text = " ".join(str(one) for one in value) if isinstance(value, list) else value
            rows = [(name, text)]
        found += [
            Line(key, (cell(key, "dim"), cell(one))) for key, one in rows if one not in (None, "")
        ]
    return found


OF_THE_MACHINE = "system/"
"""What the names of curves begin with that are no metrics of the run."""

SYSTEM = {
    "cpu_cores": "processor cores of the run",
    "memory_bytes": "memory of the run",
    "n_processes": "processes of the run",
    "host_cpu_share": "processor of the host",
    "host_memory_bytes": "memory of the host",
}
"""What is sampled of the machine, and how it is called."""


def _sampled(samples: Sequence[Mapping[str, object]]) -> dict[str, list[Point]]:
    """Return the numbers in samples by what they are, over seconds since the first one."""
    found: dict[str, list[Point]] = {}
    first = samples[0].get("at") if samples else None
    for one in samples:
        at = one.get("at")
        if not isinstance(at, int | float) or not isinstance(first, int | float):
            continue
        values = {key: one.get(key) for key in SYSTEM} | _gpu_values(one.get("gpus"))
        for key, value in values.items():
            if isinstance(value, int | float) and math.isfinite(value):
                found.setdefault(key, []).append((float(at) - first, float(value)))
    return found


def _gpu_values(gpus: object) -> dict[str, object]:
    values: dict[str, object] = {}
    for one in gpus if isinstance(gpus, list) else ():
        if isinstance(one, dict):
            title = f"gpu {one.get('index', 0)}"
            values[f"{title} busy_share"] = one.get("busy_share")
            values[f"{title} memory_bytes"] = one.get("memory_bytes")
    return values


def system_curves(samples: Sequence[Mapping[str, object]]) -> dict[str, Sequence[Point]]:
    """Return the curves of what was sampled, under names that stand behind those of metrics."""
    return {f"{OF_THE_MACHINE}{key}": reduced(points) for key, points in _sampled(samples).items()}


def system(samples: Sequence[Mapping[str, object]], n_damaged: int = 0) -> list[Line]:
    """Return what was sampled of the machine, and how many of the run's records are damaged.

    Of each sampled value the last one, the mean and the highest.
    """
    found = []
    for key, points in _sampled(samples).items():
        values = [value for _at, value in points]
        figures = (values[-1], sum(values) / len(values), max(values))
        shown = [f"{name} {_amount(key, one)}" for name, one in zip(_LAST, figures, strict=True)]
        cells = (cell(text, style) for text, style in zip(shown, ("", "dim", "dim"), strict=True))
        found.append(Line(key, (cell(SYSTEM.get(key, key), "bold"), *cells)))
    if n_damaged:
        text = f"{counted(n_damaged, 'damaged line')} among its records: a kill, or a full disk"
        found.append(Line("damaged", (cell("records", "bold"), cell(text, "warn"))))
    return found


_LAST = ("last", "mean", "most")


def _amount(key: str, value: float) -> str:
    if key.endswith("_bytes"):
        return size(value)
    return f"{value:.0%}" if key.endswith("_share") else number(round(value, 2))


def code(diff: str) -> list[tuple[str, str]]:
    """Return the lines of a code.diff with the styles of what was added and taken away."""
    if not diff:
        return [("Nothing differed from the commit, or there was none.", "dim")]
    styles = {"+": "good", "-": "bad", "@": "dim", "#": "warn"}
    return [
        (clean(line), "bold" if line.startswith("diff ") else styles.get(line[:1], ""))
        for line in diff.splitlines()
    ]


SECTIONS = {
    "metric": "metrics",
    "parameter": "parameters",
    "data": "data",
    "code": "code",
    "environment": "environment",
    "run": "run",
}
"""The kinds of differences between runs, in their order, with their titles."""


def compared(found: ComparisonDocument, *, baseline: int, has_equal: bool) -> list[Line]:
    """Return several runs side by side: metrics, parameters, data, code, environment, the rest.

    Parameters
    ----------
    found : ComparisonDocument
        What is the same, and what differs.
    baseline : int
        The run that the others are compared with.
    has_equal : bool
        Whether rows that are the same everywhere show too.
    """
    lines: list[Line] = []
    for kind, title in SECTIONS.items():
        same = [one for one in found["same"] if one["kind"] == kind]
        rows = [
            _compared(one, found["runs"], baseline=baseline)
            for one in found["different"]
            if one["kind"] == kind
        ]
        hidden = 0 if has_equal else len(same)
        if has_equal:
            rows += [_equal(one["name"], one["value"], n=len(found["runs"])) for one in same]
        rest = f"  ({hidden} equal hidden: =)" if hidden else ""
        if rows:
            lines += [Line(title, (cell(f"{title}{rest}", "dim"),)), *rows]
    return lines or [Line("same", (cell("nothing differs; = shows what is equal", "dim"),))]


def _equal(name: str, value: object, *, n: int) -> Line:
    return Line(name, (cell(name, "dim"), *[cell(_value(value), "dim")] * n))


def _value(value: object) -> str:
    return "-" if value is None else number(value) or "-"


def _compared(one: DifferenceDocument, runs: Sequence[str], *, baseline: int) -> Line:
    """Return a row: values, of metrics what is added to the baseline, the best by a sign too."""
    base = one["values"][runs[baseline]]
    cells = [cell(one["name"])]
    for at, run in enumerate(runs):
        value = one["values"][run]
        text = _value(value)
        is_metric = bool(one["goal"]) and at != baseline
        if is_metric and isinstance(value, int | float) and isinstance(base, int | float):
            text += f" ({value - base:+.4g})"
        is_best = run in one["best"]
        cells.append(cell(f"{text} ▲" if is_best else text, "good" if is_best else ""))
    return Line(one["name"], tuple(cells))


def plain_first(name: str) -> tuple[int, str]:
    """Return what metrics sort by: cross-validated ones last, then those of the machine."""
    return 2 if name.startswith(OF_THE_MACHINE) else int(name.startswith("cv_")), name
