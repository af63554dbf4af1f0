"""The files of a run that are written once: its folder, documents and artifacts."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import orjson

from modeldeck.errors import ConflictError, InvalidInputError
from modeldeck.store import files
from modeldeck.store.streams import Stream
from modeldeck.tracking.losses import DISK_ERRORS
from modeldeck.tracking.records import Records
from modeldeck.tracking.values import cut

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS
_MODE = 0o644
_NUMBERS = itertools.count()
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


MAX_PART, MAX_PATH = 255, 2048
"""Bytes that a name, and a path, may have; Linux allows 255 and 4,095."""


def begin(folder: Path, begun: Mapping[str, object]) -> Stream:
    """Make the folder of a run, or nothing of it; return its open ``metrics.jsonl``.

    Raises
    ------
    ConflictError
        It is there already.
    InvalidInputError, NotPermittedError, UnavailableError
        It cannot be made.
    """
    _make_folder(folder)
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        _write_first(f"{folder}/run.json", begun)
        metrics = Stream(Path(f"{folder}/metrics.jsonl"))
        undo.pop_all()
    return metrics


def _make_folder(folder: Path) -> None:
    try:
        try:
            folder.mkdir()
        except (FileNotFoundError, NotADirectoryError):  # the first one of its month
            files.make_folder(folder.parent)
            folder.mkdir()
    except FileExistsError:
        msg = f"There is a run {folder.name} already."
        raise ConflictError(msg, "Start it without run_id.") from None
    except OSError as error:
        raise files.write_error(error, folder) from error


def _write_first(path: str, value: Mapping[str, object]) -> None:
    """Write a file into a folder that nobody else knows yet: until it is whole there is no run."""
    try:
        _create(path, value)
    except OSError as error:
        raise files.write_error(error, Path(path)) from error


def _create(path: str, value: Mapping[str, object]) -> None:
    """Write a new file, with its mode whatever the umask is."""
    descriptor = os.open(path, _CREATE, _MODE)
    try:
        files.write_all(descriptor, _dumps(value))
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != _MODE:
            os.fchmod(descriptor, _MODE)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Let a file appear whole; bringing it to the disk is left to the pulse.

    Raises
    ------
    NotPermittedError, UnavailableError
        It cannot be written; nothing of it is left.
    """
    temporary = f"{path.parent}/.{path.name}-{next(_NUMBERS)}.tmp"
    try:
        _create(temporary, value)
        os.rename(temporary, path)  # noqa: PTH104 -- once a run
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 -- as above
        if isinstance(error, OSError):
            raise files.write_error(error, path) from error
        raise


def _dumps(value: Mapping[str, object]) -> bytes:
    """Write a document; its numbers are finite already."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # such as an integer of more than 64 bits
        return files.dumps(value)


def contents(source: object, name: str) -> bytes | Path:
    """Return what shall be kept of a source: the path of a file or folder, or bytes.

    A mapping or list becomes JSON; a figure of Matplotlib a picture, and one of Plotly a page that
    needs the network to show itself, unless its name ends in ``.json``.

    Raises
    ------
    InvalidInputError
        It is nothing of these.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return Path(source)
    if isinstance(source, Mapping | list | tuple):
        return _json(source)
    suffix = PurePosixPath(name).suffix.lstrip(".") or "png"
    found: object = None
    try:
        if hasattr(source, "savefig"):  # of Matplotlib
            buffer = io.BytesIO()
            source.savefig(buffer, format=suffix)
            return buffer.getvalue()
        if hasattr(source, "to_plotly_json"):
            is_json = suffix == "json"
            found = source.to_json() if is_json else source.to_html(include_plotlyjs="cdn")  # type: ignore[attr-defined]  # of Plotly
    except ValueError as error:
        msg = f"The figure cannot be kept as {name[:80]!r}: {cut(str(error))[:200]}."
        raise InvalidInputError(msg, "Let its name end in .png, .svg, .pdf or .html.") from error
    if isinstance(found, str):
        return found.encode()
    msg = f"A {type(source).__name__} cannot be kept as an artifact."
    raise InvalidInputError(msg, "Keep a file, a folder, bytes, a mapping, a list or a figure.")


def _json(value: object) -> bytes:
    try:
        return json.dumps(files.finite(value), indent=1, ensure_ascii=False, default=str).encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"That cannot be kept as JSON: {cut(str(error))[:200]}."
        raise InvalidInputError(msg, "Use texts as keys, and nothing that holds itself.") from error


def keep(folder: Path, source: Path | bytes, *, name: str) -> Path:
    """Keep a file, a folder or bytes with a run; return where.

    Raises
    ------
    InvalidInputError
        The name leads out of the run's folder; the source is not there, or no file or folder.
    ConflictError
        There is one of that name.
    NotPermittedError, UnavailableError
        It cannot be written.
    """
    path = artifact_path(folder, name or ("" if isinstance(source, bytes) else source.name))
    files.make_folder(path.parent)
    if isinstance(source, bytes):
        if not files.write_new(path, source, mode=_MODE):
            raise _exists_error(path)
        return path
    appear(path, lambda aside: _copy(source, aside))
    return path


def appear(path: Path, write: Callable[[Path], object]) -> None:
    """Let an artifact appear whole, written aside first.

    Raises
    ------
    ConflictError
        There is one of that name.
    InvalidInputError, NotPermittedError, UnavailableError
        It cannot be written.
    """
    if path.exists():
        raise _exists_error(path)
    files.make_folder(path.parent)
    aside = path.with_name(f".{os.urandom(8).hex()}.tmp")  # a name may be as long as names can be
    try:
        write(aside)
        aside.rename(path)
    except OSError as error:
        raise files.write_error(error, path) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(OSError):
            aside.unlink()


def _copy(source: Path, path: Path) -> None:
    if not source.is_dir():
        _copy_file(source, path)
        return
    try:
        shutil.copytree(source, path, symlinks=True, copy_function=_copy_file)
    except shutil.Error as error:
        inner, _to, why = error.args[0][0]
        raise _copy_error(inner, str(why)) from None


def _copy_file(source: str | Path, path: str | Path) -> None:
    """Copy a plain file; a pipe would hang, a device never end."""
    try:
        kind = stat.S_IFMT(Path(source).stat().st_mode)
    except OSError:
        msg = f"There is no file {str(source)[:200]!r} to keep."
        hint = "Name a file or folder that is there; log_document(text, name) keeps a text."
        raise InvalidInputError(msg, hint) from None
    if kind in _KINDS:
        msg = f"{str(source)[:200]!r} is {_KINDS[kind]}, not a file."
        raise InvalidInputError(msg, "Keep a file, a folder or bytes.")
    if not os.access(source, os.R_OK):
        raise _copy_error(source, os.strerror(errno.EACCES))
    try:
        shutil.copyfile(source, path)
    except OSError as error:
        raise files.write_error(error, Path(path)) from error


def _copy_error(source: str | Path, why: str) -> InvalidInputError:
    msg = f"{str(source)[:200]!r} could not be copied: {why[:200]}."
    return InvalidInputError(msg, "Nothing was kept; mend that and keep it again.")


def _exists_error(path: Path) -> ConflictError:
    msg = f"The run has an artifact {path.name} already."
    return ConflictError(msg, "Artifacts do not change; give this one another name.")


def artifact_path(folder: Path, name: str) -> Path:
    """Return where an artifact of a run is kept.

    Raises
    ------
    InvalidInputError
        The name leads out of the run's folder, or no file can be called so.
    """
    parts = PurePosixPath(name).parts
    is_inside = bool(parts) and parts[0] != "/" and ".." not in parts and "\0" not in name
    if not is_inside:
        msg = f"{name[:120]!r} is no name for an artifact."
        raise InvalidInputError(msg, "Give a relative path without '..'.")
    if (
        max(len(os.fsencode(part)) for part in parts) > MAX_PART
        or len(os.fsencode(name)) > MAX_PATH
    ):
        msg = f"{name[:120]!r}… is too long for the name of an artifact."
        hint = f"Use at most {MAX_PART} bytes for each file and folder, {MAX_PATH} for all."
        raise InvalidInputError(msg, hint)
    return folder / "artifacts" / name


class Keeping(Records):
    """A run that keeps artifacts."""

    def log_artifact(self, source: object, name: str = "") -> Path:
        """Keep a file, a folder, bytes, a mapping or list, or a figure with the run.

        Where the disk is full or read-only that is said, and nothing is kept: it ends no training.

        Parameters
        ----------
        source : str or Path, bytes, Mapping or list, or figure
            The file or folder to copy; contents; values that become JSON; a figure of Matplotlib
            or Plotly. For text see :meth:`log_document`.
        name : str
            Its path below ``artifacts/``; empty takes the name of the file or folder. A figure's
            ending says as what it is kept: ``.png``, ``.svg``, ``.pdf``, ``.html`` or ``.json``.

        Returns
        -------
        Path
            Where it is kept.

        Raises
        ------
        InvalidInputError
            The name leads out of the run's folder; the source is not there, or cannot be kept.
        ConflictError
            There is one of that name, or the run has ended.
        """
        self._need_open()
        found = contents(source, name)
        if self._metrics is not None:
            try:
                return keep(self.folder, found, name=name)
            except DISK_ERRORS as error:
                self._losses.add(error)
        return artifact_path(self.folder, name or getattr(found, "name", ""))

    def log_document(self, text: str, name: str) -> Path:
        """Keep a text as a file of that name below ``artifacts/``; see :meth:`log_artifact`."""
        return self.log_artifact(text.encode(errors="backslashreplace"), name)

    def log_model(
        self,
        model: object,
        *,
        examples: object = None,
        target: object = None,
        holdout: object = None,
        metrics: Mapping[str, object] | None = None,
        name: str = "model",
    ) -> Path:
        """Keep a fitted scikit-learn model, ready for ``modeldeck model register``.

        Parameters
        ----------
        model : object
            A fitted estimator.
        examples, target, holdout, metrics
            As of :func:`modeldeck.ml.persistence.save_model`: training rows, the name or values of
            the target, rows kept away from training, which gates need, and numbers by name. The
            run's parameters are kept with the model.
        name : str
            Its folder below ``artifacts/``.

        Raises
        ------
        InvalidInputError
            The model cannot be saved without pickle, or the rows do not fit it.
        ConflictError
            There is one of that name, or the run has ended.
        """
        from modeldeck.ml.described import pipeline_of
        from modeldeck.ml.persistence import save_model

        self._need_open()
        path = artifact_path(self.folder, name)

        def save(aside: Path) -> None:
            save_model(
                model,
                aside,
                examples=examples,
                target=target,
                holdout=holdout,
                metrics=metrics,
                pipeline=pipeline_of(model, self._begun["parameters"]),
            )

        if self._metrics is not None:
            try:
                appear(path, save)
            except DISK_ERRORS as error:
                self._losses.add(error)
        return path
