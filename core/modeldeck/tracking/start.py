"""Starting runs: :func:`start_run`, as a block, by hand, or as a decorator."""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

from modeldeck import clock, ids
from modeldeck.errors import InvalidInputError
from modeldeck.tracking import active, joining, opening
from modeldeck.tracking.around import surroundings
from modeldeck.tracking.around.code import DIFFS
from modeldeck.tracking.run import Run
from modeldeck.tracking.values import (
    MetricDefinition,
    checked_id,
    cut,
    definitions_of,
    flatten,
    system_user,
    table,
    tags_of,
)

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN = (bool, int, float, str, Mapping)


def start_run(
    experiment: str = "",
    *,
    name: str = "",
    parameters: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, MetricDefinition | str] | None = None,
    parent: str | Run | None = None,
    resume: str = "",
    workspace: str | Path | None = None,
    run_id: str = "",
    kind: str = "run",
    user: str = "",
    seed: int | None = None,
    capture_output: bool = True,
    capture_code: bool = True,
    log_arguments: bool = False,
    is_strict: bool = False,
) -> Run:
    """Start a run of an experiment.

    Use what it returns in a ``with`` block, or call :meth:`Run.finish`, or put it before a function
    as a decorator: then each call of the function is a run of its own. A run that nobody finishes
    ends with its process.

    Inside ``modeldeck exec`` the first call joins the run that was begun there, so that parameters,
    metrics, tags and the end add to it; later ones, and those of other processes at the same time
    (such as the ranks of a distributed training), become its children.

    Parameters
    ----------
    experiment : str
        The question that the run belongs to: a name. Only a continued run needs none.
    name : str
        What people call the run; free text.
    parameters : Mapping, optional
        Values fixed before the run; nested ones become ``a.b``.
    tags : Mapping of str to str, optional
        Free labels.
    metrics : Mapping, optional
        For each metric its :class:`MetricDefinition`, or just its goal, ``"max"`` or ``"min"``.
        Others count as to be minimised when their name says so (loss, error …).
    parent : str, Run or None
        The run that this one is a child of, or its full id; ``""`` for none. None takes the run
        whose ``with`` block this thread or task is in.
    resume : str
        Id, or a unique ending of it, of a run that has ended or was lost: it goes on, with its
        records, and is running again until its next end.
    workspace : str, Path or None
        Its folder; None takes ``MODELDECK_WORKSPACE`` or looks upwards from the working directory.
        ``"offline:PATH"`` keeps the run in a folder that need not be in any workspace;
        ``modeldeck run adopt PATH`` brings it into one later.
    run_id : str
        An id that was made before; empty makes one.
    kind : str
        What made it, such as ``run`` or ``training``.
    user : str
        Who runs it; empty takes ``MODELDECK_USER`` or the system's user.
    seed : int, optional
        The seed of its random numbers, to be kept with it.
    capture_output : bool
        Copy what the process, its C libraries and the programs that it starts print into the run's
        log; see :mod:`modeldeck.tracking.capture`.
    capture_code : bool
        Keep what differs from the git commit in ``code.diff``; see
        :mod:`modeldeck.tracking.around.code`.
    log_arguments : bool
        As a decorator, record those arguments of each call as parameters that are named or have
        defaults, and are numbers, texts, truth values, None, or mappings.
    is_strict : bool
        Raise where the folder cannot be written, instead of keeping the run elsewhere.

    Raises
    ------
    NotFoundError
        There is no workspace, or no run to continue.
    InvalidInputError
        A name, goal or id is not acceptable.
    ConflictError
        There is a run of that id, or the one to continue is running.
    NotPermittedError, UnavailableError
        The folder cannot be written, with ``is_strict``. Without, the run is kept in a temporary
        folder, or nowhere when that is full too, and one warning says so.

    Examples
    --------
    >>> import tempfile, modeldeck
    >>> from modeldeck.services.founding import init
    >>> folder = tempfile.mkdtemp()
    >>> _ = init(Path(folder), owner="ann")
    >>> with modeldeck.start_run("churn", parameters={"depth": 3}, workspace=folder) as run:
    ...     for step in range(3):
    ...         run.log({"loss": 1 / (step + 1)}, step=step)
    >>> modeldeck.Workspace.open(folder, user="ann").runs.show(run.id)["metrics"]["loss"]["best"]
    0.3333333333333333
    """
    start = Start(
        experiment=experiment if resume and not experiment else _checked(experiment),
        name=name,
        parameters=parameters or {},
        tags=tags or {},
        metrics=metrics or {},
        parent=parent,
        resume=resume,
        workspace=workspace,
        run_id=run_id,
        kind=kind,
        user=user,
        seed=seed,
        capture_output=capture_output,
        capture_code=capture_code,
        log_arguments=log_arguments,
        is_strict=is_strict,
    )
    if _is_decorator(sys._getframe(1)):  # noqa: SLF001 -- the caller's line, see there
        return cast("Run", start)
    return start.begin()


def _checked(experiment: str) -> str:
    return ids.check_name(experiment, "an experiment")


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a run shall be started; as a decorator it starts one at each call of the function."""

    experiment: str
    name: str
    parameters: Mapping[str, object]
    tags: Mapping[str, str]
    metrics: Mapping[str, MetricDefinition | str]
    parent: str | Run | None
    resume: str
    workspace: str | Path | None
    run_id: str
    kind: str
    user: str
    seed: int | None
    capture_output: bool
    capture_code: bool
    log_arguments: bool
    is_strict: bool

    def begin(self, arguments: Mapping[str, object] | None = None) -> Run:
        """Start one now, with these further parameters."""
        parameters = {**table(self.parameters, "parameters"), **(arguments or {})}
        if self.resume:
            run = self._resumed(parameters)
        else:
            run = self._joined(parameters) or self._new(parameters)
        run.again = self.__call__
        return run

    def _joined(self, parameters: Mapping[str, object]) -> Run | None:
        if self.run_id or self.parent is not None or active.parent_id():
            return None
        run = joining.join(self.experiment, name=self.name, workspace=self.workspace)
        if run is not None:
            run.take(parameters, self.tags, metrics=self.metrics)
        return run

    def _resumed(self, parameters: Mapping[str, object]) -> Run:
        if self.name or self.run_id or self.parent:
            msg = "A run that is continued keeps its name, id and parent."
            raise InvalidInputError(msg, "Leave name, run_id and parent out beside resume.")
        run = opening.resumed(
            self.resume,
            experiment=self.experiment,
            parameters=flatten(parameters),
            about=self._about(),
            place=opening.place_of(self.workspace),
            capture_output=self.capture_output,
        )
        if parameters:
            run.log_parameters(parameters)
        if self.tags:
            run.set_tags(self.tags)
        if self.metrics:
            run.define_metrics(self.metrics)
        return run

    def _new(self, parameters: Mapping[str, object]) -> Run:
        begun = {
            "v": 1,
            "id": checked_id(self.run_id),
            "experiment": self.experiment,
            "name": cut(self.name),
            "kind": self.kind,
            "parent": self._parent(),
            "parameters": flatten(parameters),
            "tags": tags_of(self.tags),
            "definitions": definitions_of(self.metrics),
            "seed": self.seed,
            **self._about(),
        }
        place = opening.place_of(self.workspace or self._beside())
        run = opening.opened(
            place, begun, is_strict=self.is_strict, capture_output=self.capture_output
        )
        if self.capture_code and begun["code"]:
            DIFFS.want(run, place.root)
        return run

    def _beside(self) -> str:
        """Return where the run that this one is started by is kept; empty for none, or nowhere."""
        parent = active.parent() if self.parent is None else self.parent
        if parent is None or isinstance(parent, str) or not parent.is_kept:
            return ""
        return opening.beside(parent)

    def _parent(self) -> str:
        if self.parent is None:
            return active.parent_id() or joining.outer_id()
        return self.parent if isinstance(self.parent, str) else self.parent.id

    def _about(self) -> dict[str, Any]:
        """Return who starts it, where, when and with what."""
        return {
            "user": self.user or os.environ.get("MODELDECK_USER", "") or system_user(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "argv": [cut(word) for word in sys.argv],
            "python": surroundings.python(),
            "started_at": clock.to_text(clock.utc_now()),
            "code": surroundings.code(surroundings.here()),
            "packages": surroundings.packages(),
        }

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function of which each call is a run.

        Raises
        ------
        InvalidInputError
            It is a generator, which has no end of its own.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            msg = "A generator cannot be decorated with start_run: nobody knows when it ends."
            raise InvalidInputError(msg, "Use `with modeldeck.start_run(…):` inside of it.")
        signature = inspect.signature(function)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_later(*args: P.args, **kwargs: P.kwargs) -> object:
                with self.begin(self._arguments(signature, args, keywords=kwargs)):
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", run_later)

        @functools.wraps(function)
        def run_now(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.begin(self._arguments(signature, args, keywords=kwargs)):
                return function(*args, **kwargs)

        return run_now

    def _arguments(
        self,
        signature: inspect.Signature,
        args: tuple[object, ...],
        *,
        keywords: Mapping[str, object],
    ) -> dict[str, object]:
        if not self.log_arguments:
            return {}
        try:
            bound = signature.bind(*args, **keywords)
        except TypeError:
            return {}  # the call itself will say what is wrong
        bound.apply_defaults()
        found: dict[str, object] = {}
        for key, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                found |= {name: one for name, one in keywords.items() if name in bound.kwargs}
            elif parameter.default is not parameter.empty or key in keywords:
                found[key] = bound.arguments[key]
        return {key: one for key, one in found.items() if one is None or isinstance(one, _PLAIN)}


def _is_decorator(frame: FrameType) -> bool:
    """Say whether the call that a frame is at stands behind the ``@`` of a decorator.

    Then nothing is started when the module is loaded, which may be outside of any workspace. Where
    the source is not at hand, a run is started, and discarded when it is called with a function.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
    if not line.lstrip().startswith("@"):
        return False
    positions = itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    column = next(positions)[2]
    return column is not None and line.encode()[:column].strip() == b"@"
