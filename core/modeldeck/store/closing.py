"""What the files of a run held when a version was registered from it: their lengths and digests.

::

    {"resumes": 0, "files": {"end.json": {"sha256": …, "size_bytes": 812}, …}}

Nobody guards a run's folder as the ledger is guarded; with these in a version's manifest it shows
when somebody changed the record of the training after it was registered. Streams only ever grow,
also when a run goes on later, so of each the first ``size_bytes`` are compared; ``end.json`` is
written anew by a run that went on, and is compared while it says as often as here that it did.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from modeldeck.domain.entry import is_digest
from modeldeck.errors import DamageError, NotFoundError, NotPermittedError
from modeldeck.store import files
from modeldeck.store.described import mapping, object_in, resumes_of, whole

END = "end.json"
STREAMS = ("metrics.jsonl", "output.log")
NAMES = ("run.json", END, *STREAMS)
"""What comes when the run has ended, such as ``code.diff``, is not among them."""
_PIECE = 1 << 20


def closed(folder: Path) -> dict[str, object]:
    """Return what the files of a run that has ended hold; empty for one that has not.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        A file cannot be read, or is none.
    """
    end = object_in(folder / END)
    if end is None:
        return {}
    found: dict[str, object] = {}
    for name in NAMES:
        try:
            digest, size = digest_of(folder / name)
        except NotFoundError:
            continue
        found[name] = {"sha256": digest, "size_bytes": size}
    return {"resumes": resumes_of(end), "files": found}


def problems(folder: Path, known: object) -> Iterator[str]:
    """Say which files of a run are not what they were.

    Parameters
    ----------
    folder : Path
        The run's folder, which is there.
    known : object
        What :func:`closed` returned then; whatever else somebody wrote in its place says nothing.

    Raises
    ------
    UnavailableError
        A file cannot be read just now, which says nothing about it.
    """
    said = mapping(known)
    for name, one in mapping(said.get("files")).items():
        wanted, size = mapping(one).get("sha256"), whole(mapping(one).get("size_bytes"))
        if name not in NAMES or not is_digest(wanted) or size < 0:
            continue
        if name == END and _went_on(folder, whole(said.get("resumes"))):
            continue
        text = _problem(folder / name, str(wanted), size=size)
        if text:
            yield f"{name} {text}"


def _went_on(folder: Path, before: int) -> bool:
    """Say whether a run was continued since, and has ended again."""
    end: Mapping[str, object] = object_in(folder / END) or {}
    return resumes_of(end) > before and files.is_there(folder / f"resume-{before + 1}.json")


def _problem(path: Path, wanted: str, *, size: int) -> str:
    try:
        digest, length = digest_of(path, size if path.name in STREAMS else None)
    except NotFoundError:
        return "is missing"
    except (DamageError, NotPermittedError) as error:
        return f"cannot be read: {error.message}"
    if length < size:
        return f"is shorter than it was: {length:,} bytes of {size:,}"
    return "" if digest == wanted else "is not what it was"


def digest_of(path: Path, most: int | None = None) -> tuple[str, int]:
    """Return the SHA-256 of a file, or of its first bytes, and of how many.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError, UnavailableError
        It is missing, may not be read, is no plain file, or cannot be read just now.
    """
    made, done = hashlib.sha256(), 0
    descriptor = files.open_regular(path)
    try:
        while most is None or done < most:
            wanted = _PIECE if most is None else min(_PIECE, most - done)
            piece = os.read(descriptor, wanted)
            if not piece:
                break
            made.update(piece)
            done += len(piece)
    except OSError as error:
        raise files.read_error(error, path) from error
    finally:
        files.close(descriptor)
    return made.hexdigest(), done
