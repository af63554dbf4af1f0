"""Serves what the ledger says is live in one environment.

``python -P -m modeldeck.jobs.serve --workspace ROOT --environment E [--port N] [--host H]
[--user NAME] [--key FILE]`` listens, then follows the ledger: each new pointer's files are copied
out verified, loaded and tried in the background, swapped in between two requests, and reported
*ready*; one that fails is reported *failed* while the old version goes on serving. Once it listens
``endpoints/<environment>/server-<host>-<pid>.json`` holds ``{"pid", "host", "port"}``.

Below the user's state folder ``serve/<workspace>/<environment>/`` keeps the verified files of what
is served and ``served.json`` with workspace, head and pointers. A server that finds the ledger
unreadable, shorter than it knew, or otherwise broken serves from those, and never anything older.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from modeldeck.domain.documents import EndpointDocument
from modeldeck.errors import (
    ConflictError,
    DamageError,
    InvalidInputError,
    ModelDeckError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.jobs.copies import Copies
from modeldeck.serving.app import LOOPBACK, App
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry, Served, load
from modeldeck.store import files, places
from modeldeck.store.streams import Stream
from modeldeck.workspace import Workspace

LOOK_EVERY_S = 0.2
WARM = 4
"""Versions that stay loaded, so that a rollback needs no loading."""

DRAIN_S = 10
TOKEN = "MODELDECK_TOKEN"  # noqa: S105 -- its name, not its value
"""Environment variable with the bearer token; needed to listen beyond this machine."""

LEAST_TOKEN = 16
BACKLOG = 2048
SWITCH_S = 0.0005
"""Python's default, 5 ms, is how long the predicting thread would wait for a busy event loop."""


class Follower:
    """Brings what the ledger names into a registry, and reports what came of it.

    Parameters
    ----------
    workspace : Workspace
        Opened as the server's member.
    environment : str
        Whose endpoints are served.
    registry, records, copies
        Where versions go, what happened is written, and verified files are kept.
    """

    def __init__(
        self,
        workspace: Workspace,
        environment: str,
        *,
        registry: Registry,
        records: Records,
        copies: Copies,
    ) -> None:
        self.workspace = workspace
        self.environment = environment
        self.registry = registry
        self.records = records
        self.copies = copies
        self._done: dict[str, int] = {}
        self._warm: dict[str, Served] = {}
        self._unreported: dict[str, tuple[EndpointDocument, str, str]] = {}
        self._stop = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End following."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
                self._said = ""
            except (ModelDeckError, OSError) as error:
                if str(error) != self._said:
                    self._said = str(error)
                    say(f"The ledger cannot be followed: {error}")
            self._stop.wait(LOOK_EVERY_S)

    def look(self) -> None:
        """Fold what is new and bring each changed endpoint up to date.

        Raises
        ------
        ModelDeckError
            The ledger cannot be trusted just now; what is served stays.
        """
        self.workspace.refresh()
        problem = problem_of(self.workspace)
        if problem:
            raise DamageError(problem, "What is served stays as it is.")
        for endpoint in self.workspace.deployments.list(self.environment):
            if self._done.get(endpoint["id"]) != endpoint["generation"]:
                self._done[endpoint["id"]] = endpoint["generation"]
                self._bring(endpoint)
        for known, outcome, reason in list(self._unreported.values()):
            self._report(known, outcome, reason=reason)

    def _bring(self, endpoint: EndpointDocument) -> None:
        model = endpoint["model"]
        if not endpoint["version"]:
            self.registry.remove(model)
            self.copies.forget(model)
            self.records.line(model, "WARN", text="stopped: no version is live")
            return
        try:
            served = self._load(endpoint)
        except Exception as error:  # noqa: BLE001 -- a version may fail in any way; the old one stays
            text = f"{endpoint['version']} cannot be served: {error}"
            self.records.line(model, "ERROR", text=text)
            self._report(endpoint, "failed", reason=str(error))
            return
        self.registry.put(served)
        self.copies.remember(endpoint, head=self.workspace.deck.state.head)
        text = f"{endpoint['version']} answers from now on (generation {endpoint['generation']})"
        self.records.line(model, "INFO", text=text)
        if not self._is_reported(endpoint):
            self._report(endpoint, "ready")

    def _is_reported(self, endpoint: EndpointDocument) -> bool:
        """Say whether this server's last report already says so: a restart adds no entry."""
        name, generation = self.workspace.actor.name, endpoint["generation"]
        return any(
            (one["name"], one["outcome"], one["generation"]) == (name, "ready", generation)
            for one in endpoint["servers"]
        )

    def _load(self, endpoint: EndpointDocument) -> Served:
        known = self._warm.pop(endpoint["manifest"], None)
        if known is not None:
            served = known.at(endpoint["generation"])
        else:
            folder = self.copies.take(
                endpoint["manifest"],
                lambda target: self.workspace.deployments.materialize(endpoint["id"], target),
            )
            served = load(
                folder,
                model=endpoint["model"],
                version=endpoint["version"].rpartition("@")[2],
                manifest=endpoint["manifest"],
                generation=endpoint["generation"],
            )
            gc.collect()
            gc.freeze()  # else each full collection looks through all libraries, some 80 ms long
        self._warm[endpoint["manifest"]] = served
        while len(self._warm) > WARM:
            del self._warm[next(iter(self._warm))]
        return served

    def _report(self, endpoint: EndpointDocument, outcome: str, *, reason: str = "") -> None:
        """Record what became of a pointer; when that cannot be done now, try again later."""
        is_new = endpoint["id"] not in self._unreported
        self._unreported[endpoint["id"]] = (endpoint, outcome, reason)
        try:
            self.workspace.deployments.report(
                endpoint["id"],
                generation=endpoint["generation"],
                manifest=endpoint["manifest"],
                outcome=outcome,
                reason=reason,
            )
        except ConflictError as error:  # the generation is over
            text = f"the report {outcome!r} came too late: {error}"
            self.records.line(endpoint["model"], "WARN", text=text)
        except ModelDeckError as error:
            if is_new:
                text = f"the report {outcome!r} is not recorded yet: {error}"
                self.records.line(endpoint["model"], "ERROR", text=text)
            return
        del self._unreported[endpoint["id"]]


def say(text: str) -> None:
    """Tell the person who started the server."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


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


def problem_of(workspace: Workspace) -> str:
    """Return why the ledger cannot be followed; empty when it can."""
    with workspace.deck.reading() as state:
        return state.stopped or workspace.deck.history_problem


def restore(registry: Registry, copies: Copies) -> None:
    """Serve what was served before, from verified copies; the ledger comes after."""
    for model, known in copies.remembered().items():
        try:
            version = str(known["version"]).rpartition("@")[2]
            manifest, generation = str(known["manifest"]), int(str(known["generation"]))
            folder = copies.verified(manifest)
            served = load(
                folder, model=model, version=version, manifest=manifest, generation=generation
            )
        except (ModelDeckError, OSError, KeyError, ValueError) as error:
            say(f"The copy of {model} cannot be served: {error}")
            continue
        registry.put(served)


@contextlib.contextmanager
def following(workspace: Workspace, options: argparse.Namespace) -> Iterator[App]:
    """Give the callable that answers, while a thread follows the ledger for it."""

    def folder_of(model: str) -> Path:
        folder = places.endpoint_folder(workspace.root, options.environment, model=model)
        files.make_folder(folder)
        return folder

    copies = Copies(places.user_state() / "serve" / workspace.id[:16] / options.environment)
    registry = Registry()
    if problem_of(workspace):
        restore(registry, copies)
    records = Records(folder_of, Stream)
    is_local = options.host in LOOPBACK
    token = os.environ.get(TOKEN, "")
    app = App(registry, records, hosts=LOOPBACK if is_local else (), token=token)
    follower = Follower(
        workspace, options.environment, registry=registry, records=records, copies=copies
    )
    follower.start()
    try:
        yield app
    finally:
        follower.close()
        app.close()
        records.close()


def serve(options: argparse.Namespace) -> int:
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
            following(workspace, options) as app,
            announced(workspace.root, options.environment, address=(host, port)),
        ):
            shown = f"[{host}]" if ":" in host else host
            say(f"Serving {options.environment} on http://{shown}:{port}")
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
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    sys.setswitchinterval(SWITCH_S)
    try:
        return serve(options)
    except ModelDeckError as error:
        say(f"Error: {error.message}")
        if error.hint:
            say(error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
