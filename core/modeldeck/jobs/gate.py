"""Runs a gate's checks on a version's files and prints the report.

``python -P -m modeldeck.jobs.gate --spec FILE`` reads ``{version, environment, folder, live_folder,
live_version, generation, checks}`` and prints ``{passed, version, environment, checks}``. First the
model is loaded in a process of its own (:mod:`modeldeck.jobs.apart`): only one that loads there,
and answers its example rows as recorded, is loaded here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from modeldeck.domain.documents import CheckDocument
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.jobs.apart import ask_apart
from modeldeck.jobs.limits import answered, confine
from modeldeck.store import files

MAX_SPEC = 1 << 20
LOADS = "loads"
_WITHOUT_MODEL = ("schema", "size")
_PATIENCE_S = 300.0


def inspect(folder: Path) -> tuple[bool, str]:
    """Load the model in a process of its own; return whether that went well, and a sentence."""
    from modeldeck.jobs.inspect import look

    try:
        found = ask_apart(lambda: look(folder, None, into=None), timeout_s=_PATIENCE_S)
    except ModelDeckError as error:
        return False, error.message
    return True, f"answers its {found['examples']} example rows as recorded"


def check_all(spec: Mapping[str, Any]) -> list[CheckDocument]:
    """Run every check of a specification.

    Parameters
    ----------
    spec : Mapping
        The specification.

    Raises
    ------
    ValueError
        A bound of a check is no number.
    """
    from modeldeck.ml.gating.checks import Case, Check, Side, Verdict, run_check

    checks = [Check.read(one) for one in spec["checks"]]
    live = spec["live_folder"]
    case = Case(
        Side(Path(spec["folder"])), Side(Path(live)) if live else None, str(spec["live_version"])
    )
    is_loaded, sentence = inspect(Path(spec["folder"]))
    refused = Verdict(passed=False, reason=f"the model does not load: {sentence}")
    found = []
    for one in checks:
        if one.kind == LOADS:
            verdict = Verdict(passed=is_loaded, reason=sentence)
        elif is_loaded or one.kind in _WITHOUT_MODEL:
            verdict = run_check(one, case)
        else:
            verdict = refused
        found.append(one.document(verdict))
    return found


def report(path: Path) -> dict[str, object]:
    """Read a specification and return the report.

    Raises
    ------
    InvalidInputError
        The specification is not as expected.
    """
    try:
        spec = json.loads(files.read_bytes(path, MAX_SPEC))
        checks = check_all(spec)
        version, environment = str(spec["version"]), str(spec["environment"])
    except (KeyError, TypeError, ValueError) as error:
        msg = f"The gate's specification is not as expected: {error}."
        raise InvalidInputError(msg) from error
    whole = {
        "passed": all(one["passed"] for one in checks if one["required"]),
        "version": version,
        "environment": environment,
        "checks": checks,
    }
    return cast("dict[str, object]", json.loads(json.dumps(files.finite(whole))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gate, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.gate")
    parser.add_argument("--spec", type=Path, required=True)
    options = parser.parse_args(arguments)
    confine()
    return answered(lambda: report(options.spec))


if __name__ == "__main__":
    sys.exit(main())
