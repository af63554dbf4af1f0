"""Single rows a second over HTTP, beside uvicorn that answers every request with a constant.

The model is a logistic regression on 20 columns, served by ``modeldeck.jobs.serve`` with its
prediction log on. Server and load have one core each where there are two; the load is a few lines
on asyncio's protocols, which near 30,000 requests a second is the limit itself: the constant, taken
in the same run, shows how near that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from unittest.mock import patch

import numpy as np
import uvloop
from sklearn.linear_model import LogisticRegression

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.benchmarks.harness import Row
from tests.serving.running import Server, found_empty, release, until
from tests.warm import WHERE

SECONDS = 3.0
N_COLUMNS = 20
BUDGETS_MS = {1: 1.0, 16: 2.0, 64: 5.0}
"""Budget of the 99th percentile, by the number of connections."""

_CONSTANT = """
import sys, uvicorn

BODY = b'{"outputs":[{"prediction":1,"probability":[0.5,0.5]}]}'
START = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-type", b"application/json"),
                     (b"content-length", b"%d" % len(BODY))]}


async def app(scope, receive, send):
    await receive()
    await send(START)
    await send({"type": "http.response.body", "body": BODY})


uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off",
            access_log=False, log_config=None)
"""


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, took: list[float]) -> None:
        self.request = request
        self.took = took
        self.begun = 0.0
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self.ask()

    def ask(self) -> None:
        """Send the next request."""
        assert self.transport is not None
        self.received = b""
        self.begun = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.received.rstrip().endswith(b"]}"):
            assert self.received.startswith(b"HTTP/1.1 200"), self.received
            self.took.append(time.perf_counter() - self.begun)
            self.ask()


async def _load(port: int, body: bytes, *, connections: int) -> list[float]:
    head = (
        f"POST /predict/churn HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    took: list[float] = []
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Client(head.encode() + body, took), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(SECONDS / 5)
    took.clear()
    await asyncio.sleep(SECONDS)
    found = list(took)
    for transport, _client in made:
        transport.abort()
    return found


def _measure(port: int, body: bytes, *, connections: int) -> tuple[float, float]:
    """Return requests a second, and the 99th percentile in milliseconds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = sorted(runner.run(_load(port, body, connections=connections)))
    return len(took) / SECONDS, took[int(0.99 * (len(took) - 1))] * 1000


@contextlib.contextmanager
def _constant() -> Iterator[int]:
    """Give the port of a server that answers every request with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-P", "-c", _CONSTANT, str(port)])
    try:
        until(lambda: _answers(port), "the constant's server")
        _pin(process.pid, {min(os.sched_getaffinity(0))})
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _workspace(root: Path) -> bytes:
    """Make a workspace whose model is live; return the body of a request for one row."""
    found_empty(root)
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(500, N_COLUMNS))
    target = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    model = LogisticRegression().fit(rows, target)
    with start_run("bench", workspace=root, capture_output=False) as run:
        run.log_model(model, examples=rows, target=target)
    with Workspace.open(root, user="alice") as alice:
        alice.models.register(run.id, "churn")
    release(root, "churn@1")
    row = {f"x{number}": float(value) for number, value in enumerate(rows[0])}
    return json.dumps({"rows": [row]}).encode()


def _pin(pid: int, cores: set[int]) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(task.name), cores)


def bench() -> list[Row]:
    """Measure at 1, 16 and 64 connections, in turn with the constant."""
    found: list[Row] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, {"XDG_STATE_HOME": folder, "XDG_CACHE_HOME": folder, WHERE: folder}),
    ):
        body = _workspace(Path(folder, "shop"))
        with Server(Path(folder, "shop"), "--user", "server") as server, _constant() as constant:
            server.until_live("1")
            cores = os.sched_getaffinity(0)
            _pin(server.process.pid, {min(cores)})
            _pin(os.getpid(), {max(cores)})
            for connections, budget in BUDGETS_MS.items():
                rate, p99 = _measure(server.port, body, connections=connections)
                bare, bare_p99 = _measure(constant, body, connections=connections)
                found += _rows(connections, (rate, p99), beside=(bare, bare_p99), budget=budget)
            _pin(os.getpid(), cores)
    return found


def _rows(
    connections: int, ours: tuple[float, float], *, beside: tuple[float, float], budget: float
) -> list[Row]:
    case = f"logistic regression, 1 row, {connections} connections"
    return [
        {
            "case": case,
            "value": ours[0],
            "unit": "requests/s",
            "budget": None,
            "beside": "uvicorn with a constant",
            "beside_value": beside[0],
        },
        {
            "case": f"{case}, p99",
            "value": ours[1],
            "unit": "ms",
            "budget": budget,
            "beside": "uvicorn with a constant",
            "beside_value": beside[1],
        },
    ]
