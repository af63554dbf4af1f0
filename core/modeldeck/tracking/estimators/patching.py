"""Wrapping the ``fit`` of estimators, where scikit-learn is loaded and as soon as it is.

Only the outermost ``fit`` is told: what a pipeline, a search or a forest fits inside is part of it.
The wrapper calls the original with what it was given and returns what that returns.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from modeldeck import ids
from modeldeck.tracking.estimators.telling import Settings, fitted

_BASE = "sklearn.base"
_MARK = "__modeldeck_original__"
_INSIDE: ContextVar[bool] = ContextVar("modeldeck_fit", default=False)


class _Autolog:
    """What is switched on, and which threads are inside of a fit."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.lock = threading.RLock()
        self.fitting: dict[int, int] = {}
        self.finder: _Finder | None = None

    def is_inner(self) -> bool:
        """Say whether a fit is part of another one: in this task, or in a worker thread of it.

        Worker threads are those of :mod:`multiprocessing.pool`, which joblib uses; they know which
        thread made them.
        """
        if _INSIDE.get():
            return True
        maker = getattr(threading.current_thread(), "_parent", None)
        while maker is not None:
            if getattr(maker, "ident", None) in self.fitting:
                return True
            maker = getattr(maker, "_parent", None)
        return False

    def count(self, step: int) -> None:
        """Note that this thread begins or ends a fit."""
        here = threading.get_ident()
        with self.lock:
            left = self.fitting.get(here, 0) + step
            if left:
                self.fitting[here] = left
            else:
                self.fitting.pop(here, None)


_STATE = _Autolog()


def autolog(
    enabled: bool = True,  # noqa: FBT001, FBT002 -- `autolog(False)` reads as what it does
    *,
    experiment: str = "",
    workspace: str = "",
    max_candidates: int = 200,
) -> None:
    """Log each ``fit`` of a scikit-learn estimator from now on, or no more.

    Inside a run its parameters, class, the shape and digest of its data, its time and its score on
    the training data are added to that run; outside, each fit is a run of its own. The candidates
    of a search (``GridSearchCV`` …) become child runs. Results stay what they are without: the fit
    itself is not changed, and the state of NumPy's random numbers is put back after scoring.

    scikit-learn is not loaded by this; it is patched when the program loads it.

    Parameters
    ----------
    enabled : bool
        False switches it off, and puts the estimators back.
    experiment : str
        Of runs outside of others; empty takes the name of the estimator's class.
    workspace : str
        Where those are kept; empty as of :func:`modeldeck.start_run`.
    max_candidates : int
        At most so many child runs for one search, the best ones; 0 makes none.

    Raises
    ------
    InvalidInputError
        The experiment's name is not acceptable.

    Notes
    -----
    A score on more than 2,000 rows is taken on every n-th of them. What goes wrong in logging is
    said once on the standard error; it never reaches the program.
    """
    if experiment:
        ids.check_name(experiment, "an experiment")
    with _STATE.lock:
        if not enabled:
            _STATE.settings = None
            _unpatch()
            return
        _STATE.settings = Settings(experiment, workspace, max_candidates)
        base = sys.modules.get(_BASE)
        if base is not None and hasattr(base, "BaseEstimator"):
            _patch(base.BaseEstimator)
        elif _STATE.finder is None:
            _STATE.finder = _Finder()
            sys.meta_path.insert(0, _STATE.finder)


class _Finder(MetaPathFinder):
    """Waits until ``sklearn.base`` is loaded."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find that one module as everybody else would, and patch it when it was loaded."""
        if fullname != _BASE or _STATE.finder is not self:
            return None
        for finder in list(sys.meta_path):
            if finder is not self and (spec := finder.find_spec(fullname, path, target)):
                if spec.loader is not None:
                    spec.loader = _Patching(spec.loader)
                return spec
        return None


class _Patching(Loader):
    """A module's own loader, and what follows it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run its code, then patch."""
        self._loader.exec_module(module)
        with _STATE.lock:
            if _STATE.finder is not None:
                sys.meta_path.remove(_STATE.finder)
                _STATE.finder = None
            if _STATE.settings is not None:
                _patch(module.BaseEstimator)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)


def _patch(base: Any) -> None:  # noqa: ANN401 -- scikit-learn's class
    """Wrap the fits of all estimators that there are, and of those that will be defined."""
    if _MARK in vars(base):
        return
    original = vars(base).get("__init_subclass__")
    setattr(base, _MARK, original)

    def hook(cls: Any, /, **options: object) -> None:  # noqa: ANN401 -- as above
        super(base, cls).__init_subclass__(**options)
        if _STATE.settings is not None:
            _wrap(cls)

    if original is None:
        base.__init_subclass__ = classmethod(hook)
    for cls in _all(base):
        _wrap(cls)


def _unpatch() -> None:
    if _STATE.finder is not None:
        sys.meta_path.remove(_STATE.finder)
        _STATE.finder = None
    base = getattr(sys.modules.get(_BASE), "BaseEstimator", None)
    if base is None or _MARK not in vars(base):
        return
    if vars(base)[_MARK] is None:
        del base.__init_subclass__
    delattr(base, _MARK)
    for cls in _all(base):
        fit = vars(cls).get("fit")
        if hasattr(fit, _MARK):
            cls.fit = getattr(fit, _MARK)


def _all(base: type) -> list[Any]:
    """Return the classes derived from a class, once each."""
    found: dict[Any, None] = {}
    waiting: list[Any] = [base]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            if cls not in found:
                found[cls] = None
                waiting.append(cls)
    return list(found)


def _wrap(cls: Any) -> None:  # noqa: ANN401 -- scikit-learn's class
    fit = vars(cls).get("fit")
    if not callable(fit) or hasattr(fit, _MARK):
        return

    @functools.wraps(fit)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- any fit's
        settings = _STATE.settings
        if settings is None or _STATE.is_inner():
            return fit(self, *args, **kwargs)
        return _outermost(settings, self, call=functools.partial(fit, self, *args, **kwargs))

    setattr(wrapper, _MARK, fit)
    cls.fit = wrapper


def _outermost(
    settings: Settings,
    estimator: Any,  # noqa: ANN401 -- any estimator
    *,
    call: functools.partial[Any],
) -> Any:  # noqa: ANN401 -- what fit returns
    token = _INSIDE.set(True)
    _STATE.count(1)
    try:
        return fitted(settings, estimator, call=call)
    finally:
        _STATE.count(-1)
        _INSIDE.reset(token)
