"""Runs a gate's checks on a version's files and prints the report.

``python -P -m modeldeck.jobs.gate --spec FILE`` reads ``{version, environment, folder, live_folder,
live_version, generation, checks}`` and prints ``{passed, version, environment, checks}``. First the
model is loaded in yet another process (``modeldeck.jobs.inspect``): only one that loads there, and
answers its example rows as recorded, is loaded here.
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
from modeldeck.jobs.limits import answered, confine
from modeldeck.ml import folder as files
from modeldeck.ml.gating.checks import Case, Check, Side, Verdict, run_check
from modeldeck.services import processes

LOADS = "loads"
_WITHOUT_MODEL = ("schema", "size")
_PATIENCE_S = 300.0


def loads(folder: Path) -> Verdict:
    """Load the model in a clean process and compare its answers with those recorded."""
    try:
        found = processes.ask(
            "inspect", ["--folder", str(folder)], root=folder, timeout_s=_PATIENCE_S
        )
    except ModelDeckError as error:
        return Verdict(passed=False, reason=error.message)
    return Verdict(passed=True, reason=f"answers its {found['examples']} example rows as recorded")


def check_all(spec: Mapping[str, Any]) -> list[CheckDocument]:
    """Run every check of a specification.

    Raises
    ------
    ValueError
        A bound of a check is no number.
    """
    checks = [Check.read(one) for one in spec["checks"]]
    folder, live = Path(spec["folder"]), spec["live_folder"]
    case = Case(Side(folder), Side(Path(live)) if live else None, str(spec["live_version"]))
    loaded = loads(folder)
    refused = Verdict(passed=False, reason=f"the model does not load: {loaded.reason}")
    found = []
    for one in checks:
        if one.kind == LOADS:
            verdict = loaded
        elif loaded.passed or one.kind in _WITHOUT_MODEL:
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
        spec = files.read_json(path)
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
