"""What is logged of one fit: parameters, data, score, and the candidates of a search.

Arrays and tables are looked at by what they can do, so that nothing is loaded which the program did
not load itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from modeldeck import ids
from modeldeck.errors import ModelDeckError
from modeldeck.tracking.active import active_run
from modeldeck.tracking.losses import warn
from modeldeck.tracking.opening import beside
from modeldeck.tracking.run import Run
from modeldeck.tracking.start import start_run

MAX_SCORED = 2_000
"""Rows that a training score is taken on."""
MAX_DIGESTED = 64 << 20
"""Bytes of an array that are digested; of larger ones, evenly spaced rows of about so many."""
_PLAIN = (str, int, float, bool, type(None))
_NOTHING = object()
_COUNTS: dict[tuple[str, str], int] = {}


class Settings(NamedTuple):
    """What :func:`modeldeck.autolog` was called with."""

    experiment: str
    workspace: str
    max_candidates: int


def fitted(settings: Settings, estimator: Any, *, call: functools.partial[Any]) -> Any:  # noqa: ANN401 -- any estimator
    """Fit, and log it to the active run, or to one of its own; the fit's errors go through."""
    around = active_run()
    if around is not None:
        begun = time.perf_counter()
        result = call()
        _tell(around, estimator, call=call, settings=settings, took_s=time.perf_counter() - begun)
        return result
    own = _own_run(settings, estimator)
    if own is None:
        return call()
    with own:
        begun = time.perf_counter()
        result = call()
        _tell(own, estimator, call=call, settings=settings, took_s=time.perf_counter() - begun)
        return result


def _own_run(settings: Settings, estimator: object) -> Run | None:
    """Start a run for one fit; None where that cannot be, which is said once."""
    name = type(estimator).__name__
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64]
    experiment = settings.experiment or (slug if ids.is_name(slug) else "autolog")
    try:
        return start_run(
            experiment, name=name, workspace=settings.workspace or None, kind="autolog"
        )
    except ModelDeckError as error:
        _say_once(f"{error.message} Fits outside of runs are not logged. {error.hint}")
        return None


@functools.cache
def _say_once(text: str) -> None:
    warn(text)


def _tell(
    run: Run,
    estimator: Any,  # noqa: ANN401 -- any estimator
    *,
    call: functools.partial[Any],
    settings: Settings,
    took_s: float,
) -> None:
    """Log a fit that went well; whatever goes wrong here is no matter of the program."""
    try:
        title = _title(run, estimator)
        features, target = _data(call)
        values = {f"{title}.{key}": one for key, one in plain_parameters(estimator).items()}
        run.log_parameters(values)
        tags = {f"{title}.class": f"{type(estimator).__module__}.{type(estimator).__qualname__}"}
        tags |= _about_data(title, features, target=target)
        run.set_tags(tags)
        figures = {f"{title}.fit_s": took_s} | _scores(
            title, estimator, features=features, target=target
        )
        run.log(figures)
        _tell_search(run, estimator, title=title, limit=settings.max_candidates)
    except Exception as error:  # noqa: BLE001 -- of any estimator's code
        _say_once(f"autolog could not log a fit of {type(estimator).__name__}: {error!s:.200}")


def _title(run: Run, estimator: object) -> str:
    """Return the estimator's class, with a number from its second fit in the run on."""
    name = type(estimator).__name__
    count = _COUNTS[run.id, name] = _COUNTS.get((run.id, name), 0) + 1
    return name if count == 1 else f"{name}-{count}"


def plain_parameters(estimator: Any) -> dict[str, object]:  # noqa: ANN401 -- any estimator
    """Return an estimator's parameters, also of inner ones, which stand by their class."""
    found: dict[str, object] = {}
    for key, value in estimator.get_params(deep=True).items():
        shown = _plain(value)
        if shown is not _NOTHING:
            found[key.replace("__", ".")] = shown
    return found


def _plain(value: Any) -> object:  # noqa: ANN401 -- any parameter
    """Return what is kept of a parameter; ``_NOTHING`` for lists of inner estimators."""
    if isinstance(value, _PLAIN):
        return value
    if hasattr(value, "get_params"):
        return type(value).__name__
    is_list = isinstance(value, Sequence) and all(isinstance(one, _PLAIN) for one in value)
    if is_list or isinstance(value, Mapping):
        return f"{value!r:.500}"
    return getattr(value, "__name__", type(value).__name__) if callable(value) else _NOTHING


def _data(call: functools.partial[Any]) -> tuple[Any, Any]:
    """Return what was fitted on: the features and the target, None where there are none."""
    try:
        bound = inspect.signature(call.func).bind(*call.args, **call.keywords)
    except TypeError:
        return None, None
    given = bound.arguments
    return given.get("X"), given.get("y")


def _about_data(title: str, features: Any, *, target: Any) -> dict[str, str]:  # noqa: ANN401 -- any data
    found = {}
    for name, data in (("X", features), ("y", target)):
        shape = getattr(data, "shape", None)
        if shape is None and isinstance(data, Sequence):
            shape = (len(data),)
        if shape:
            found[f"{title}.{name}.shape"] = "×".join(str(one) for one in shape)
        digest = digest_of(data)
        if digest:
            found[f"{title}.{name}.digest"] = digest
    return found


def digest_of(data: Any) -> str:  # noqa: ANN401 -- any data
    """Return the SHA-256 of an array's or table's type, shape and values; empty if it has none.

    Of more than ``MAX_DIGESTED`` bytes, evenly spaced rows are taken, and the digest ends in
    ``/n``: one of *n* rows.
    """
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        head = repr([*map(str, data.columns)]).encode()
        data = data.to_numpy()
    else:
        head = b""
    parts = [data] if not hasattr(data, "indptr") else [data.data, data.indices, data.indptr]
    if not all(hasattr(one, "dtype") and hasattr(one, "nbytes") for one in parts):
        return ""
    if any(getattr(one.dtype, "hasobject", True) for one in parts):
        return ""
    total = sum(one.nbytes for one in parts)
    step = max(1, math.ceil(total / MAX_DIGESTED))
    digest = hashlib.sha256(head + repr(getattr(data, "shape", ())).encode())
    for one in parts:
        digest.update(str(one.dtype).encode())
        digest.update(one[::step].tobytes())
    return f"sha256:{digest.hexdigest()}" + (f"/{step}" if step > 1 else "")


def _scores(title: str, estimator: Any, *, features: Any, target: Any) -> dict[str, float]:  # noqa: ANN401 -- any estimator
    """Return the score on the training data, and a search's best one."""
    found: dict[str, float] = {}
    best = getattr(estimator, "best_score_", None)
    if best is not None:
        found[f"{title}.best_score"] = float(best)
    rows = getattr(features, "shape", (0,))[0]
    if not hasattr(estimator, "score") or not rows:
        return found
    every = slice(None, None, max(1, math.ceil(rows / MAX_SCORED)))
    with contextlib.suppress(Exception), _same_random_numbers():
        some = _rows(features, every)
        given = (some,) if target is None else (some, _rows(target, every))
        found[f"{title}.training_score"] = float(estimator.score(*given))
    return found


def _rows(data: Any, every: slice) -> Any:  # noqa: ANN401 -- any data
    if every.step == 1:
        return data
    return data.iloc[every] if hasattr(data, "iloc") else data[every]


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Put NumPy's own random numbers back to where they were."""
    numpy: Any = sys.modules.get("numpy")
    state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        if numpy is not None:
            numpy.random.set_state(state)


def _tell_search(run: Run, search: Any, *, title: str, limit: int) -> None:  # noqa: ANN401 -- any search
    """Log the best parameters of a search, and its candidates as child runs, the best first."""
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, Mapping) or "params" not in results:
        return
    best = getattr(search, "best_params_", None)
    if isinstance(best, Mapping):
        shown = {
            key: one if isinstance(one, _PLAIN) else f"{one!r:.500}" for key, one in best.items()
        }
        run.log_parameters({f"{title}.best.{key}": one for key, one in shown.items()})
    count = len(results["params"])
    ranks = next((results[key] for key in results if key.startswith("rank_test_")), range(count))
    order = sorted(range(count), key=lambda at: (int(ranks[at]), at))
    figures = [key for key in results if key.startswith(("mean_", "std_", "rank_"))]
    for at in order[:limit]:
        parameters = {
            key: one if isinstance(one, _PLAIN) else f"{one!r:.500}"
            for key, one in results["params"][at].items()
        }
        goals = {key: "max" for key in figures if key.startswith("mean_test_")}
        with start_run(
            run.experiment,
            name=f"{title} {at + 1}",
            parameters=parameters,
            metrics=goals,
            parent=run,
            workspace=beside(run),
            kind="candidate",
            capture_output=False,
            capture_code=False,
        ) as candidate:
            candidate.log({key: float(results[key][at]) for key in figures})
