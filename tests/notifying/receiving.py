"""Real receivers on loopback: they answer, answer wrongly, drip, hang, and send elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 30.0


@dataclass
class Got:
    """One request that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its delivery id."""
        return self.headers["X-MLflow-Delivery-Id"]

    @property
    def data(self) -> Any:  # noqa: ANN401 -- whatever came
        """The event."""
        return json.loads(self.body)["data"]

    def is_signed_with(self, secret: str) -> bool:
        """Check the signature as MLflow's receivers do."""
        signed = f"{self.id}.{self.headers['X-MLflow-Timestamp']}.".encode() + self.body
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        return hmac.compare_digest(expected, self.headers["X-MLflow-Signature"])


@dataclass
class Receiver:
    """A server: its path says how it answers.

    ``/ok`` with 204, ``/flaky`` with 500 twice and then 200, ``/away`` with a redirect, ``/busy``
    with 503 and Retry-After, ``/drip`` a byte at a time, ``/hang`` not before ``free`` is set.
    """

    port: int = 0
    got: list[Got] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)
    n_flaky: int = 0

    def url(self, path: str) -> str:
        """Return an address of it."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Got]:
        """Return what came to a path."""
        return [one for one in self.got if one.path == path]

    def wait(self, path: str, n: int = 1) -> list[Got]:
        """Wait until so many requests came to a path."""
        until = time.monotonic() + PATIENCE_S
        with self.came:
            while len(self.at(path)) < n:
                assert self.came.wait(until - time.monotonic()), self.got
        return self.at(path)


class Handler(BaseHTTPRequestHandler):
    """Answers one request of a server that knows its receiver."""

    def do_POST(self) -> None:
        """Keep what came, then answer."""
        made: Receiver = self.server.made  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with made.came:
            made.got.append(Got(self.path, dict(self.headers), body))
            made.came.notify_all()
        if self.path == "/drip":
            self.drip(made)
            return
        if self.path == "/hang":
            made.free.wait(PATIENCE_S)
        made.n_flaky += self.path == "/flaky"
        is_bad = self.path == "/flaky" and made.n_flaky <= 2
        code = {"/ok": 204, "/away": 302, "/busy": 503}.get(self.path, 500 if is_bad else 200)
        self.send_response(code)
        more = {302: ("Location", made.url("/ok")), 503: ("Retry-After", "3600")}
        if code in more:
            self.send_header(*more[code])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def drip(self, made: Receiver) -> None:
        """Answer a byte at a time."""
        while not made.free.is_set():
            self.wfile.write(b"H")
            self.wfile.flush()
            made.free.wait(0.05)

    def handle(self) -> None:
        """Go on when the other side went away."""
        try:
            super().handle()
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name
        """Print nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Give a running receiver."""
    made = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.made = made  # type: ignore[attr-defined]
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        made.free.set()
        server.shutdown()
        server.server_close()
        thread.join()
