"""A small workspace with three versions of a model, and real servers of it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import polars as pl
from sklearn.linear_model import LogisticRegression

from modeldeck.ml.persistence import load_model, predict, read_signature
from modeldeck.services import founding
from modeldeck.services.base import processes
from modeldeck.store import files
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.warm import SERVER, warm

ENVIRONMENT = "production"
GOOD: dict[str, Any] = {"age": 41.0, "visits": 3}
_POLICY = """\
name = "shop"

[environments.production]
approvals = 1
trust = "claimed"
gate = "production"

[[gates.production.checks]]
name = "size"
kind = "size"
max = 20_000_000
"""
_MEMBERS = """\
[[members]]
name = "carol"

[[members]]
name = "server"
kind = "server"
environments = ["production"]
"""

T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, *, within_s: float = 60.0) -> T:
    """Return what a condition gives once it gives something."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    msg = f"waited in vain for {what}"
    raise AssertionError(msg)


def found_empty(root: Path) -> None:
    """Make a workspace with people, a server, and a policy that one approval satisfies."""
    root.mkdir()
    (root / "modeldeck.toml").write_text(_POLICY)
    (root / "members.toml").write_text(_MEMBERS)
    founding.init(root, owner="alice")


def found_workspace(root: Path) -> None:
    """Make a workspace with versions 1 and 2 of ``churn``, and 3, which no library here loads."""
    found_empty(root)
    frame = pl.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 5, "visits": [1, 2, 3, 4] * 5})
    with Workspace.open(root, user="alice") as alice:
        for number in (1, 2, 3):
            target = pl.Series("left", [int(row >= number) for row in range(4)] * 5)
            model = LogisticRegression(C=number).fit(frame.to_numpy(), target.to_numpy())
            with start_run("churn", workspace=root, capture_output=False) as run:
                folder = run.log_model(model, examples=frame.with_columns(target), target="left")
            if number == 3:
                made = json.loads((folder / "environment.json").read_text())
                made["packages"]["scikit-learn"] = "0.20.0"
                (folder / "environment.json").write_text(json.dumps(made))
            alice.models.register(run.id, "churn")


def release(root: Path, version: str) -> str:
    """Take a version through its gate and an approval; return the release's id."""
    with Workspace.open(root, user="alice") as alice:
        made = alice.releases.request(version, ENVIRONMENT, reason="test")
    assert made["status"] == "waiting", made
    with Workspace.open(root, user="carol") as carol:
        carol.releases.approve(made["id"], "fine")
    return made["id"]


def expected(root: Path, version: str, *, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a version answers when it is asked without a server."""
    folder = root / "copies" / version
    if not folder.exists():
        folder.mkdir(parents=True)
        with Workspace.open(root, user="alice") as alice:
            alice.models.copy_out(version, folder)
    return predict(load_model(folder), read_signature(folder), rows=rows)


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever the server sent
        return json.loads(self.body)


class Server:
    """A server process; use it in a ``with`` block."""

    def __init__(self, root: Path, *more: str) -> None:
        self.root = root
        arguments = ["--workspace", str(root), "--environment", ENVIRONMENT, "--port", "0", *more]
        self.output = root / "endpoints" / f"output-{time.monotonic_ns()}.txt"
        files.make_folder(self.output.parent)
        with self.output.open("ab") as output:
            self.process = warm(SERVER).start(
                arguments,
                cwd=root,
                environment=processes.environment(),
                streams=(output.fileno(), output.fileno()),
            )
        try:
            self.port = int(until(self._address, "the server's address")["port"])
        except BaseException:
            self.process.kill()
            raise

    def _address(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, self.output.read_text()
        for path in self.root.glob(f"endpoints/{ENVIRONMENT}/server-*.json"):
            known = json.loads(path.read_text())
            if known["pid"] == self.process.pid:
                return dict(known)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self.end()

    def end(self) -> int:
        """Ask the server to end; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except TimeoutError:
            self.process.kill()
            raise

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send one request; a body that is neither bytes nor None is sent as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"} if data is not None else {}
        connection = self.connection()
        try:
            connection.request(method, path, data, {**head, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def predict(self, *rows: dict[str, Any]) -> Reply:
        """Ask the model ``churn`` about rows."""
        return self.ask("POST", "/predict/churn", body={"rows": list(rows)})

    def live(self) -> str:
        """Return the number of the version that is live; empty for none."""
        models = self.ask("GET", "/health").json["models"]
        return str(models["churn"]["version"]) if "churn" in models else ""

    def until_live(self, version: str) -> None:
        """Wait until a version is live."""
        until(lambda: self.live() == version, f"version {version} to be served")

    def records(self) -> list[dict[str, Any]]:
        """Return the prediction records written so far, whole lines only."""
        found = []
        folder = self.root / "endpoints" / ENVIRONMENT / "churn"
        for path in sorted(folder.glob(f"predictions-*-{self.process.pid}-*.jsonl")):
            lines = path.read_bytes().split(b"\n")
            assert lines.pop() == b"" or self.process.poll() is None
            found += [json.loads(line) for line in lines if line]
        return found

    def log(self) -> str:
        """Return the server log."""
        folder = self.root / "endpoints" / ENVIRONMENT / "churn"
        paths = folder.glob(f"server-*-{self.process.pid}.log")
        return "".join(path.read_text() for path in paths)


def run_serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    code, out, err = warm(SERVER).call(
        arguments, cwd=Path("/"), environment=processes.environment(), timeout_s=90
    )
    return subprocess.CompletedProcess(arguments, code, out.decode(), err.decode())
