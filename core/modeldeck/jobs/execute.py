"""Runs any program as a run; ``modeldeck exec`` becomes this process.

``python -P -m modeldeck.jobs.execute --workspace ROOT … -- COMMAND …``: the exit code is that of
the command, or 128 plus the number of the signal that ended it. The run ends here, whatever becomes
of the program; what the program itself adds to it stands in :mod:`modeldeck.tracking.joining`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.jobs.executing.relay import Relay
from modeldeck.store.runs import LiveRun, recall
from modeldeck.tracking import joining, opening
from modeldeck.tracking.losses import DISK_ERRORS, warn
from modeldeck.tracking.run import Run
from modeldeck.tracking.start import start_run

_ASKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_CANNOT_START = 126


def parser() -> argparse.ArgumentParser:
    """Return the parser of the job's own command line."""
    found = argparse.ArgumentParser(prog="modeldeck.jobs.execute")
    for name in ("workspace", "experiment", "name", "named", "user"):
        found.add_argument(f"--{name}", default="")
    found.add_argument("--parameters", type=json.loads, default={})
    found.add_argument("--tags", type=json.loads, default={})
    found.add_argument("--seed", type=int)
    found.add_argument("--json", action="store_true")
    found.add_argument("command", nargs="+")
    return found


def work(options: argparse.Namespace) -> int:
    """Run the program; return its exit code."""
    sys.argv = [*options.command]  # what run.json shall say
    run = start_run(
        options.experiment,
        name=options.name,
        parameters=options.parameters,
        tags=options.tags,
        parent=joining.outer_id(),
        workspace=options.workspace,
        kind="exec",
        user=options.user,
        seed=options.seed,
        capture_output=False,
    )
    relay = Relay(run.log_bytes, lambda: run.stop_requested)
    try:
        code = relay.run(options.command, _environment(run, options))
    except OSError as error:
        message = f"{options.command[0]} cannot be run: {error.strerror}."
        _finish(
            run, "failed", how={"error": InvalidInputError(message), "exit_code": _CANNOT_START}
        )
        raise InvalidInputError(message, "Name a program.") from error
    live = recall(run.folder) if run.is_kept else None
    if live is not None:
        run.take_over(live)
    status, how = ending(code, relay, run=run, said=live)
    _finish(run, status, how=how)
    exit_code = 128 - code if code < 0 else code
    if options.json:
        found = {"id": run.id, "status": status, "exit_code": exit_code}
        sys.stderr.write(f"{json.dumps(found)}\n")
    return exit_code


def _environment(run: Run, options: argparse.Namespace) -> dict[str, str]:
    found = {**os.environ, **joining.environment(run, named=options.named)}
    found["MODELDECK_WORKSPACE"] = opening.beside(run)
    if options.seed is not None:
        found["MODELDECK_SEED"] = str(options.seed)
    if options.user:
        found["MODELDECK_USER"] = options.user
    return found


def ending(
    code: int, relay: Relay, *, run: Run, said: LiveRun | None
) -> tuple[str, dict[str, object]]:
    """Return the status of a run whose program ended so, and the error and exit code to keep.

    Asked to stop, or ended by a signal that asks for that, is cancelled; another exit code than 0
    is failed; 0 is what the program itself said, if it joined the run, or finished.
    """
    exit_code = 128 - code if code < 0 else code
    word: Mapping[str, object] = said.end if said is not None else {}
    is_asked = (
        run.stop_requested
        or exit_code - 128 in _ASKED
        or (exit_code != 0 and bool(relay.signals & _ASKED))
    )
    error = word.get("error")
    how: dict[str, object] = {"exit_code": exit_code}
    if is_asked:
        by = "" if code >= 0 else f" by {signal.Signals(-code).name}"
        how["error"] = {"type": "Stopped", "message": f"it was asked to stop{by}"}
        return "cancelled", how
    if exit_code == 0:
        status = str(word.get("status", "finished"))
        how["error"] = error if isinstance(error, dict) else {}
        return status if status in {"failed", "cancelled"} else "finished", how
    if isinstance(error, dict) and error.get("message"):
        how["error"] = error
    elif code < 0:
        how["error"] = {"type": "Signal", "message": f"it was killed by {_signal(-code)}"}
    else:
        how["error"] = {"type": "ExitCode", "message": f"it ended with exit code {code}"}
    return "failed", how


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _finish(run: Run, status: str, *, how: dict[str, object]) -> None:
    try:
        run.finish_as(status, how)
    except DISK_ERRORS as failure:
        warn(f"{failure.message} It is tried again until the process ends.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one program."""
    try:
        return work(parser().parse_args(arguments))
    except ModelDeckError as error:
        sys.stderr.write(f"modeldeck: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
