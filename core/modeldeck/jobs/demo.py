"""The demo's job: really trains, tests, releases, serves; then keeps server and traffic running.

``python -P -m modeldeck.jobs.demo --path PATH --person NAME`` prints progress on standard error,
one JSON document (a ``DemoSummary``, or ``{"error": …}``) on standard output, and ends what it
started when standard input closes or it is asked to terminate.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TypeVar

from modeldeck import ids
from modeldeck.domain.documents import ReleaseDocument
from modeldeck.errors import ModelDeckError, UnavailableError
from modeldeck.services import demo, founding
from modeldeck.services.base import processes
from modeldeck.services.base.config import NewMember
from modeldeck.services.datasets.datasets import About
from modeldeck.services.runs import StartedJob
from modeldeck.store import files, places
from modeldeck.workspace import Workspace

OWNER = "alice"
ENVIRONMENT = "production"
PATIENCE_S = 120.0
MAX_PIPELINE = 1 << 20
REQUESTS_PER_S = 5.0

PLAN = (
    ("tumour-logistic.toml", "alice"),
    ("tumour-forest.toml", "bob"),
    ("digits.toml", "bob"),
    ("wine.toml", "alice"),
    ("diabetes.toml", "alice"),
)
"""Which pipeline of the sample is trained, and by whom."""

DATA = (
    ("tumour", "breast_cancer", (500, 569), ("tumour-logistic.toml", "tumour-forest.toml")),
    ("wine", "wine", (178,), ("wine.toml",)),
)
"""Datasets of the demo: of which bundled one, its first rows for each version, who trains on it."""

T = TypeVar("T")


def say(text: str) -> None:
    """Tell the progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def wait_for(condition: Callable[[], T | None], what: str) -> T:
    """Wait until a condition gives something.

    Raises
    ------
    UnavailableError
        It did not in two minutes.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    msg = f"Waited {PATIENCE_S:.0f} seconds in vain for {what}."
    raise UnavailableError(msg, "Run the demo again: it goes on where it ended.")


class Demo:
    """Builds a demo workspace step by step; each step is skipped when its result is there."""

    def __init__(self, root: Path, person: str) -> None:
        self.root = root
        self.person = person
        self.children: list[subprocess.Popen[bytes]] = []
        self._open: dict[str, Workspace] = {}
        self.began = time.monotonic()

    def as_(self, name: str) -> Workspace:
        """Return the workspace as a member sees it; the sample only asks for claimed names."""
        if name not in self._open:
            self._open[name] = Workspace.open(self.root, user=name)
        return self._open[name]

    def build(self) -> demo.DemoSummary:
        """Do what is not done yet; return what there is then."""
        self.found()
        self.freeze()
        self.train()
        self.serve()
        self.release_first()
        self.reject_one()
        self.ask_for_approval()
        self.remark()
        url = self.traffic()
        return summary(self, url)

    def found(self) -> None:
        """Copy the sample, make it a workspace, and let the person in."""
        hidden = self.root / places.HIDDEN
        if not (hidden / demo.MARK).is_file():
            demo.check_folder(self.root)
            files.make_folder(hidden)
            files.write_new(hidden / demo.MARK, b"made by `modeldeck demo`\n")
        if not (hidden / "ledger" / f"{1:010d}.json").exists():
            say(f"Making a workspace in {self.root}")
            shutil.copytree(demo.sample_folder(), self.root, dirs_exist_ok=True)
            founding.init(self.root, owner=OWNER)
        members = {one["name"] for one in self.as_(OWNER).members.list()}
        if self.person not in members:
            roles = ("risk", "oncall")
            uid = os.geteuid()
            self.as_(OWNER).members.add(NewMember(self.person, roles=roles, uid=uid))

    def freeze(self) -> None:
        """Freeze bundled data as versions of datasets, and let pipelines name those."""
        known = {one["id"] for one in self.as_(OWNER).datasets.list()}
        for name, source, sizes, pipelines in DATA:
            last = f"{name}@{len(sizes)}"
            if last not in known:
                say(f"Freezing the data {name} as {OWNER}")
                freeze(self.as_(OWNER), name, source=source, sizes=sizes)
            for one in pipelines:
                path = self.root / "pipelines" / one
                text = files.read_bytes(path, MAX_PIPELINE).decode()
                named = text.replace(f'source = "sklearn:{source}"', f'dataset = "{last}"')
                if named != text:
                    files.replace(path, named.encode())

    def train(self) -> None:
        """Train each pipeline of the plan that no finished run came from, two at a time."""
        finished = {
            one["tags"].get("pipeline", "") for one in self.as_(OWNER).runs.list(status="finished")
        }
        left = [(name, by) for name, by in PLAN if name not in finished]
        while left:
            now, left = left[:2], left[2:]
            started = [(name, by, self._start(name, by)) for name, by in now]
            for name, by, job in started:
                self._await(name, by, job=job)

    def _start(self, pipeline: str, by: str) -> StartedJob:
        say(f"Training {pipeline} as {by}")
        return self.as_(by).training.start(self.root / "pipelines" / pipeline)

    def _await(self, pipeline: str, by: str, *, job: StartedJob) -> None:
        code = job.process.wait()
        run = self.as_(by).runs.show(job.run_id)
        if code or run["status"] != "finished":
            error = run["error"].get("message", f"exit code {code}")
            msg = f"Training {pipeline} failed: {error}"
            raise UnavailableError(msg, f"See {self.root}/runs, run {ids.short(job.run_id)}.")

    def maker(self, version: str) -> str:
        """Return who asks for a version's release: whoever registered it."""
        return self.as_(OWNER).models.version(version)["registered_by"]

    def release_of(self, version: str) -> ReleaseDocument | None:
        """Return the newest release of a version, if there is one."""
        found = [one for one in self.as_(OWNER).releases.list() if one["version"] == version]
        return found[0] if found else None

    def request(self, version: str, reason: str) -> ReleaseDocument:
        """Ask for a release of a version, unless that was done."""
        known = self.release_of(version)
        if known is not None and known["status"] != "checking":
            return known
        by = self.maker(version)
        if known is not None:
            self.as_(by).gates.run(version, ENVIRONMENT)
            return self.as_(by).releases.show(known["id"])
        say(f"Testing {version} and asking for its release as {by}")
        return self.as_(by).releases.request(version, ENVIRONMENT, reason=reason)

    def vote(self, release: ReleaseDocument, person: str, *, verdict: str, reason: str) -> None:
        """Vote as somebody, unless the release is decided or the person did."""
        now = self.as_(person).releases.show(release["id"])
        if now["can_approve" if verdict == "approve" else "can_reject"]:
            say(f"{person} votes {verdict} on {release['id']}")
            self.as_(person).releases.vote(release["id"], verdict, reason=reason)

    def release_first(self) -> None:
        """Take the first version live: gate, two approvals, a server that is ready."""
        release = self.request("tumour@1", "First version for the screening team.")
        self.vote(release, "carol", verdict="approve", reason="Sensitivity is what we asked for.")
        self.vote(release, "dave", verdict="approve", reason="Runbook is in place.")
        if release["status"] not in {"waiting", "deploying"}:
            return

        def is_live() -> bool:
            return self.as_(OWNER).releases.show(release["id"])["status"] == "live"

        wait_for(is_live, f"{release['id']} to go live")
        say(f"{release['version']} is live in {ENVIRONMENT}")

    def reject_one(self) -> None:
        """Let a release be rejected with a reason."""
        release = self.request("digits@1", "For the form scanner.")
        reason = "The scanner team has not agreed to the new label set yet."
        self.vote(release, "carol", verdict="reject", reason=reason)

    def ask_for_approval(self) -> None:
        """Leave one release that lacks only the person's approval."""
        release = self.request("tumour@2", "A random forest in place of the logistic regression.")
        others = [name for name in ("carol", "dave") if name != self.person]
        self.vote(
            release, others[0], verdict="approve", reason="Checked against last month's cases."
        )

    def remark(self) -> None:
        """Write a few annotations."""
        if self.as_(OWNER).annotations.list():
            return
        best = self.as_(OWNER).models.version("tumour@2")["run"]
        self.as_("bob").annotations.add(f"run:{best}", "Best forest so far; deeper ones overfit.")
        self.as_("carol").annotations.add(
            "version:tumour@2", "Please look at the smallest tumours separately."
        )
        first = self.as_(OWNER).models.version("tumour@1")["run"]
        self.as_("alice").annotations.add(f"run:{first}", "Baseline for the others.")

    def serve(self) -> None:
        """Start a server for the environment on a free port."""
        say(f"Starting a server for {ENVIRONMENT}")
        arguments = ["--workspace", str(self.root), "--environment", ENVIRONMENT, "--port", "0"]
        log = self.root / "endpoints" / "server.log"
        self._child("serve", [*arguments, "--user", "server"], log=log)

    def _child(self, job: str, arguments: list[str], *, log: Path) -> None:
        self.children.append(processes.spawn(job, arguments, root=self.root, log=log))

    def traffic(self) -> str:
        """Send real rows to what is live, a few a second; return the server's address."""
        url = wait_for(lambda: address(self.root, self.children[0].pid), "the server's port")
        folder = self.root / places.HIDDEN / "tmp" / f"traffic-{os.getpid()}"
        live = self.as_(OWNER).deployments.show(f"tumour@{ENVIRONMENT}")["version"]
        folder.mkdir()
        self.as_(OWNER).models.copy_out(live, folder)
        rate = ["--rate", str(REQUESTS_PER_S)]
        arguments = ["--url", url, "--model", "tumour", "--folder", str(folder), *rate]
        self._child("traffic", arguments, log=self.root / "endpoints" / "traffic.log")
        return url

    def close(self) -> None:
        """End the server and the traffic that this process started."""
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for workspace in self._open.values():
            workspace.close()
        folder = self.root / places.HIDDEN / "tmp" / f"traffic-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)


def freeze(workspace: Workspace, name: str, *, source: str, sizes: Sequence[int]) -> None:
    """Freeze the first rows of a bundled data set, for each size as the next version."""
    from modeldeck.ml.data import bundled

    frame, _digest = bundled(source)
    path = workspace.root / "datasets" / f"{name}.csv"
    files.make_folder(path.parent)
    for at, rows in enumerate(sizes):
        files.replace(path, frame.head(rows).write_csv().encode())
        reason = f"{rows - sizes[at - 1]} more rows." if at else "The first delivery."
        workspace.datasets.add(name, path, about=About(reason=reason, target="target"))


def address(root: Path, pid: int) -> str:
    """Return the address of the server with this process id; empty while it is not known."""
    for path in root.glob(f"endpoints/{ENVIRONMENT}/server-*.json"):
        with contextlib.suppress(ModelDeckError, ValueError, KeyError):
            known = json.loads(files.read_bytes(path, 1 << 16))
            if known["pid"] == pid:
                return f"http://{known['host']}:{known['port']}"
    return ""


def summary(made: Demo, url: str) -> demo.DemoSummary:
    """Return what there is now."""
    workspace = made.as_(made.person)
    runs = workspace.runs.list()
    releases = workspace.releases.list()
    return demo.DemoSummary(
        path=str(made.root),
        person=made.person,
        runs=len(runs),
        experiments=len({one["experiment"] for one in runs}),
        versions=len(workspace.models.versions()),
        annotations=len(workspace.annotations.list()),
        live=[one["version"] for one in workspace.deployments.list() if one["version"]],
        waiting=[one["id"] for one in releases if one["status"] == "waiting"],
        rejected=[one["id"] for one in releases if one["status"] == "rejected"],
        url=url,
        seconds=round(time.monotonic() - made.began, 1),
    )


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the demo, print what there is, and stay until nobody listens any more."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.demo")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--person", required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    made = Demo(options.path, options.person)
    try:
        answer: dict[str, object] = dataclasses.asdict(made.build())
        print(json.dumps(answer), flush=True)  # noqa: T201 -- the answer that the caller waits for
        sys.stdin.read()
    except ModelDeckError as error:
        problem = {"message": error.message, "hint": error.hint}
        print(json.dumps({"error": problem}), flush=True)  # noqa: T201 -- as above
        return error.exit_code
    finally:
        made.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
