"""The demo: the shipped sample, brought to life in a job that also ends what it started.

The job ``modeldeck.jobs.demo`` does the work through the ordinary services, prints one JSON
document when everything is there, and keeps a server and traffic running until its standard input
closes; so they end with whoever started the demo, also when that is killed.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from modeldeck import ids
from modeldeck.errors import ConflictError, NotPermittedError, UnavailableError, error_of_code
from modeldeck.services.base import processes
from modeldeck.store import places

MARK = "demo"
"""A workspace whose hidden folder holds a file of this name was made by the demo."""

DEFAULT = "modeldeck-demo"
_END_S = 15.0

Narrate = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demo workspace holds; ``url`` is where its server answers."""

    path: str
    person: str
    runs: int
    experiments: int
    versions: int
    annotations: int
    live: list[str]
    waiting: list[str]
    rejected: list[str]
    url: str
    seconds: float


def default_person() -> str:
    """Return who looks at a demo: ``MODELDECK_USER``, else the system's user, as a name."""
    try:
        known = os.environ.get("MODELDECK_USER", "") or getpass.getuser()
    except (KeyError, OSError):
        known = ""
    name = re.sub(r"[^a-z0-9._-]+", "-", known.lower()).strip("-._")
    return name if ids.is_name(name) else "me"


def fresh_folder(path: Path) -> Path:
    """Return the first free folder beside one that is taken, such as ``demo-2``."""
    number = 2
    while (found := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return found


def check_folder(path: Path) -> None:
    """Refuse a folder that is neither free nor a demo; nothing is ever overwritten.

    Raises
    ------
    ConflictError
        There is something else; the hint names a free folder.
    NotPermittedError
        It may not be looked at.
    """
    try:
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return
        if (path / places.HIDDEN / MARK).is_file():
            return
    except PermissionError:
        msg = f"{path} may not be looked at by you."
        raise NotPermittedError(msg, "Name a folder of your own: `modeldeck demo PATH`.") from None
    msg = f"{path} holds something that is no demo."
    raise ConflictError(msg, f"Name another folder: `modeldeck demo {fresh_folder(path)}`.")


@contextlib.contextmanager
def running(path: Path, *, person: str, narrate: Narrate) -> Iterator[DemoSummary]:
    """Build or continue a demo and keep its server and traffic running within the block.

    Parameters
    ----------
    path : Path
        The demo's folder.
    person : str
        Who looks at it, and whose approval a release waits for.
    narrate : callable
        Is given each line about the progress.

    Raises
    ------
    ModelDeckError
        The folder is taken, or a step failed; what was done stays.
    """
    check_folder(path)
    process = subprocess.Popen(
        processes.command("demo", ["--path", str(path.absolute()), "--person", person]),
        env=processes.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield _summary(process, narrate)
    finally:
        _end(process)


def _summary(process: subprocess.Popen[str], narrate: Narrate) -> DemoSummary:
    if process.stdout is None or process.stderr is None:
        msg = "The demo could not be started."
        raise UnavailableError(msg)
    teller = threading.Thread(target=_tell, args=(process.stderr, narrate), daemon=True)
    teller.start()
    line = process.stdout.readline()
    if line:
        answer = json.loads(line)
        if "error" not in answer:
            return DemoSummary(**answer)
        code = process.wait()
        teller.join()
        raise error_of_code(code)(answer["error"]["message"], answer["error"]["hint"])
    code = process.wait()
    teller.join()
    msg = f"The demo ended with exit code {code}."
    raise error_of_code(code)(msg, "What it did before stays; run it again to go on.")


def _tell(stream: IO[str], narrate: Narrate) -> None:
    for line in stream:
        narrate(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def sample_folder() -> Path:
    """Return the folder of the shipped sample: the checkout's, else the one in the package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1] / "workspace"
    if (checkout / places.CONFIG).is_file() and (package.parents[1] / "pyproject.toml").is_file():
        return checkout
    return package / "_sample"
