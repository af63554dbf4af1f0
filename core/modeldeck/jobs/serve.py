"""Serves what the ledger says is live in one environment.

``python -P -m modeldeck.jobs.serve --workspace ROOT --environment E [--port N] [--host H]
[--user NAME] [--key FILE] [--json]`` listens, then follows the ledger: each new pointer's files are
copied out verified, tried in a process of their own and loaded in the background, swapped in
between two requests, and reported *ready*; one that fails is reported *failed* while the old
version goes on serving. Once it listens ``endpoints/<environment>/server-<host>-<pid>.json`` holds
``{"pid", "host", "port"}``, and ``--json`` prints one document that says so.

Below the user's state folder ``serve/<workspace>/<environment>/`` keeps the verified files of what
is served and ``served.json`` with the newest entry acted on and the pointers. A server that finds
the ledger unreadable, without that entry, or otherwise broken serves from those, and never anything
older.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from modeldeck.errors import (
    InvalidInputError,
    ModelDeckError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.jobs.follow import Follower, problem_of, restore, say
from modeldeck.jobs.following import copies as kept
from modeldeck.jobs.following.trial import Trial
from modeldeck.jobs.heartbeat import Heartbeat
from modeldeck.serving.app import LOOPBACK, App
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry
from modeldeck.store import files, places
from modeldeck.store.streams import Stream
from modeldeck.workspace import Workspace

DRAIN_S = 10
TOKEN = "MODELDECK_TOKEN"  # noqa: S105 -- its name, not its value
"""Environment variable with the bearer token; needed to listen beyond this machine."""

LEAST_TOKEN = 16
BACKLOG = 2048
SWITCH_S = 0.0005
"""Python's default, 5 ms, is how long the predicting thread would wait for a busy event loop."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    UnavailableError
        The port is taken, or may not be used.
    InvalidInputError
        The host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            why = "in use" if error.errno == errno.EADDRINUSE else "not allowed for you"
            msg = f"Port {port} of {host} is {why}."
            raise UnavailableError(
                msg, "Choose another one: --port N; 0 takes a free one."
            ) from None
        msg = f"{host} is no address of this machine."
        raise InvalidInputError(msg, "Leave --host out to listen on 127.0.0.1.") from None
    except OverflowError:
        found.close()
        msg = f"{port} is no port."
        raise InvalidInputError(msg, "Use 0 to 65535.") from None
    return found


@contextlib.contextmanager
def announced(root: Path, environment: str, *, address: tuple[str, int]) -> Iterator[None]:
    """Keep a file that says where this server listens for as long as it does."""
    folder = root / "endpoints" / environment
    files.make_folder(folder)
    path = folder / f"server-{socket.gethostname()}-{os.getpid()}.json"
    value = {"pid": os.getpid(), "host": address[0], "port": address[1]}
    files.replace(path, files.dumps(value), durable=False)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def open_workspace(options: argparse.Namespace) -> Workspace:
    """Open the workspace as the server of its environment.

    One whose ledger cannot be trusted is opened as it is: only own copies are served then.

    Raises
    ------
    ModelDeckError
        There is none, no such environment, no server enrolled, or it may not be written.
    """
    workspace = Workspace.open(options.workspace, user=options.user, key=options.key)
    if problem_of(workspace):
        return workspace
    name = workspace.deployments.server_name(options.environment)
    if name != workspace.actor.name:
        workspace = Workspace.open(options.workspace, user=name, key=options.key)
    workspace.deck.need_writable()
    return workspace


@contextlib.contextmanager
def following(workspace: Workspace, options: argparse.Namespace, *, trial: Trial) -> Iterator[App]:
    """Give the callable that answers, while a thread follows the ledger for it."""

    def folder_of(model: str) -> Path:
        folder = places.endpoint_folder(workspace.root, options.environment, model=model)
        files.make_folder(folder)
        return folder

    copies = kept.Copies(
        kept.folder_of(
            places.user_state() / "serve",
            workspace=workspace.id,
            environment=options.environment,
            root=workspace.root,
        )
    )
    registry = Registry()
    if problem_of(workspace, copies):
        restore(registry, copies)
    records = Records(folder_of, Stream)
    is_local = options.host in LOOPBACK
    token = os.environ.get(TOKEN, "")
    app = App(registry, records, hosts=LOOPBACK if is_local else (), token=token)
    follower = Follower(
        workspace,
        options.environment,
        registry=registry,
        records=records,
        copies=copies,
        trial=trial,
    )
    environment = workspace.root / "endpoints" / options.environment
    files.make_folder(environment)
    remembered = copies.known.member or options.user or options.environment
    heartbeat = Heartbeat(
        environment,
        remembered if problem_of(workspace) else workspace.actor.name,
        models=lambda: {one.model: one.generation for one in registry.all()},
    )
    follower.start()
    heartbeat.start()
    try:
        yield app
    finally:
        follower.close()
        heartbeat.close()
        for one in registry.all():
            records.line(one.model, "INFO", text="the server has ended")
        app.close()
        records.close()
        follower.end()


def tell(options: argparse.Namespace, *, host: str, port: int) -> None:
    """Say where the server listens."""
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    if options.json:
        where = {"environment": options.environment, "url": url, "host": host, "port": port}
        write_json({**where, "pid": os.getpid()})
    say(f"Serving {options.environment} on {url}")


def write_json(value: object) -> None:
    """Print the one JSON document of this command."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def serve(options: argparse.Namespace, trial: Trial) -> int:
    """Listen, follow, and answer until told to end; return the exit code.

    Raises
    ------
    ModelDeckError
        It cannot start; nothing was changed.
    """
    if options.host not in LOOPBACK and len(os.environ.get(TOKEN, "")) < LEAST_TOKEN:
        msg = f"Listening on {options.host} lets other machines in."
        hint = f"Set {TOKEN} to a secret of {LEAST_TOKEN} characters or more; requests bring it."
        raise NotPermittedError(msg, hint)
    with open_workspace(options) as workspace, listen(options.host, options.port) as sock:
        host, port = sock.getsockname()[:2]
        with (
            following(workspace, options, trial=trial) as app,
            announced(workspace.root, options.environment, address=(host, port)),
        ):
            tell(options, host=host, port=port)
            config = uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_S,
                backlog=BACKLOG,
            )
            uvicorn.Server(config).run(sockets=[sock])
    return 0


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """End by an exception: uvicorn raises the signal again once it has drained."""
    raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one environment."""
    parser = argparse.ArgumentParser(prog="modeldeck serve")
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default=LOOPBACK[0])
    parser.add_argument("--user", default="")
    parser.add_argument("--key", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    sys.setswitchinterval(SWITCH_S)
    try:
        with contextlib.closing(Trial()) as trial:  # it forks: nothing of a workspace is open yet
            return serve(options, trial)
    except ModelDeckError as error:
        say(f"Error: {error.message}")
        if error.hint:
            say(error.hint)
        if options.json:
            known = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
            write_json({"error": {**known, "exit_code": error.exit_code}})
        return error.exit_code
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
