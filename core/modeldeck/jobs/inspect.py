"""Looks at a model file in a disposable process: what breaks here breaks nothing else.

``python -P -m modeldeck.jobs.inspect --folder F`` loads the model folder ``F``;
``… --file X --into F`` makes a model folder ``F`` of the skops file ``X``. Both print one JSON
document: what :mod:`modeldeck.ml.inspection` returns, or ``{"error": …}``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from modeldeck.errors import error_of_code
from modeldeck.jobs.limits import answered, confine
from modeldeck.ml.inspection import folder_from_file, inspect_folder


def look(folder: Path | None, file: Path | None, *, into: Path | None) -> dict[str, object]:
    """Inspect a folder, or make one of a file.

    Raises
    ------
    ModelDeckError
        The model is refused.
    """
    if file is not None and into is not None:
        found = folder_from_file(file, into, examples=None)
    else:
        found = inspect_folder(folder or Path())
    if not found["ok"]:
        raise error_of_code(found["exit_code"])(found["error"], found["hint"])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Inspect, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.inspect")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--folder", type=Path)
    what.add_argument("--file", type=Path)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args(arguments)
    confine()
    return answered(lambda: look(options.folder, options.file, into=options.into))


if __name__ == "__main__":
    sys.exit(main())
