"""Finding what people name: a store of MLflow, and where a run's artifacts lie in it.

MLflow writes absolute addresses. After a copy they lead elsewhere, so what is looked for is their
end, ``<experiment>/<run>/artifacts``, below the folder that was named.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modeldeck.errors import InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.services.moving.reading import filestore
from modeldeck.services.moving.reading.database import Database
from modeldeck.services.moving.reading.filestore import FileStore
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import Source, SourceModel, SourceRun

_LOCAL = {"", "file", "mlflow-artifacts"}
_NAMES = ("mlruns", "mlflow.db")
_HINT = "Name an mlruns folder, an mlflow.db, or the folder that holds one."


def open_source(path: Path) -> Source:
    """Open a store of MLflow: an ``mlruns`` folder, an ``mlflow.db``, or the folder of either.

    Raises
    ------
    NotFoundError
        There is nothing of that name.
    InvalidInputError
        It is no store of MLflow.
    NotPermittedError, DamageError, UnavailableError
        It cannot be read.
    """
    named = Path(str(path).removeprefix("sqlite:///").removeprefix("file://")).expanduser()
    if named.is_dir():
        return _of_folder(named)
    if named.exists():
        return Database(named)
    msg = f"{named} is not there."
    raise NotFoundError(msg, _HINT, path=str(named))


def _of_folder(folder: Path) -> Source:
    tree = Tree(folder)
    try:
        if filestore.is_store(tree.names, tree):
            return FileStore(tree)
    except BaseException:
        tree.close()
        raise
    tree.close()
    database = folder / "mlflow.db"
    if database.is_file():
        return Database(database)
    inner = folder / "mlruns"
    if inner.is_dir() and not inner.is_symlink():
        return _of_folder(inner)
    msg = f"{folder} holds no runs of MLflow."
    raise InvalidInputError(msg, _HINT, path=str(folder))


def looks_like_mlflow(path: Path) -> bool:
    """Say whether a path is a store of MLflow, cheaply and without an error."""
    try:
        open_source(path).close()
    except (ModelDeckError, OSError, ValueError):
        return False
    return True


def is_folder_of_runs(path: Path) -> bool:
    """Say whether a folder is itself a file store, as ``mlruns`` is."""
    try:
        with Tree(path) as tree:
            return filestore.is_store(tree.names, tree)
    except ModelDeckError:
        return False


def artifacts_of(source: Source, run: SourceRun) -> tuple[tuple[str, ...], str]:
    """Return where a run's artifacts lie below the source, or why they cannot be had."""
    own = (*run.place, "artifacts")
    if run.place and source.tree.is_folder(own):
        return own, ""
    return _found(source, run.artifact_uri, names=(run.id,))


def model_of(source: Source, model: SourceModel) -> tuple[tuple[str, ...], str]:
    """Return where the files of a logged model lie, or why they cannot be had."""
    if model.place and source.tree.is_folder(model.place):
        return model.place, ""
    return _found(source, model.uri, names=(model.id,))


def below(
    source: Source, uri: str, *, runs: dict[str, SourceRun], models: dict[str, SourceModel]
) -> tuple[tuple[str, ...], str]:
    """Return where a registered version's files lie, or why they cannot be had."""
    scheme, rest = _split(uri)
    words = [one for one in rest.split("/") if one]
    if scheme == "models" and words and words[0] in models:
        return model_of(source, models[words[0]])
    if scheme == "runs" and words and words[0] in runs:
        place, reason = artifacts_of(source, runs[words[0]])
        return ((*place, *words[1:]), "") if place else ((), reason)
    known = next((one for one in words if one in models), "")
    if known:
        return model_of(source, models[known])
    run = next((one for one in words if one in runs), "")
    if run:
        place, reason = artifacts_of(source, runs[run])
        tail = words[words.index(run) + 1 :]
        if place and tail[:1] == ["artifacts"]:
            return (*place, *tail[1:]), ""
        return (), reason or f"its files are at {uri[:200]}"
    return _found(source, uri, names=())


def _found(source: Source, uri: str, *, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    if not uri:
        return (), ""
    scheme, rest = _split(uri)
    if scheme not in _LOCAL:
        return (), f"they are at {uri[:200]}"
    words = [one for one in rest.split("/") if one]
    own = source.tree.root.parts[1:]
    is_ours = tuple(words[: len(own)]) == own
    tails = [tuple(words[len(own) :])] if is_ours else []
    for name in names:
        if name in words:
            at = words.index(name)
            heads = [words[at - depth :] for depth in (2, 1, 0) if at >= depth]
            tails += [(*root, *tail) for root in source.artifact_roots for tail in heads]
    for tail in tails:
        if tail and ".." not in tail and source.tree.is_folder(tail):
            return tail, ""
    if is_ours and names:  # a run that logged none
        return (), ""
    return (), f"they are not below {source.tree.root}, but at {uri[:200]}"


def _split(uri: str) -> tuple[str, str]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "?", uri
    return parts.scheme, unquote(parts.path)
