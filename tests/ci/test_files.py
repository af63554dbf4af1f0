"""The files for GitHub Actions and GitLab CI: what they say is run, as their runners run it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.entry import Json
from modeldeck.services.base import processes
from modeldeck.services.base.config import NewMember
from modeldeck.workspace import Workspace
from tests.architecture.code import ROOT
from tests.history.conftest import homes, key, root

__all__ = ["homes", "key", "root"]

yaml: Any = pytest.importorskip("yaml")
FILES = ROOT / "workspace" / "ci"
PATIENCE_S = 60.0


def github() -> tuple[Mapping[str, Any], list[str]]:
    """Return the job of the file for GitHub Actions, and its scripts in order."""
    (job,) = yaml.safe_load((FILES / "github-actions.yml").read_text())["jobs"].values()
    return job, [one["run"] for one in job["steps"] if "run" in one]


def gitlab() -> tuple[Mapping[str, Any], list[str]]:
    """Return the job of the file for GitLab CI, and its scripts in order."""
    job = yaml.safe_load((FILES / "gitlab-ci.yml").read_text())["release"]
    return job, ["\n".join(job["script"]), "\n".join(job["after_script"])]


@pytest.fixture
def ready(root: Path, key: Path) -> Path:
    """Return a workspace with a ci member, in which churn@1 passed the gate of production."""
    with Workspace.open(root, user="alice") as alice:
        public = key.with_suffix(".pub").read_text()
        alice.members.add(NewMember("robot", kind="ci", keys=(public,)))
        with alice.deck.reading() as state:
            version, endpoint = state.versions["churn@1"], state.endpoint("churn", "production")
            body: dict[str, Json] = {
                "environment": "production",
                "manifest": version.manifest,
                "replaces": endpoint.base,
                "generation": endpoint.generation,
                "policy": state.policy_digest,
                "report": alice.deck.objects.put(b"{}"),
                "passed": True,
            }
        alice.deck.commit("gate.report", "version:churn@1", body=body)
    return root


@pytest.fixture
def runner(ready: Path, key: Path, tmp_path: Path) -> Mapping[str, str]:
    """Return the environment of a runner, in which `modeldeck` is this program."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "modeldeck"
    command = shlex.join([sys.executable, "-P", "-m", "modeldeck_tui.cli"])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "job").mkdir()
    known = {
        name: value for name, value in processes.environment().items() if name != "MODELDECK_USER"
    }
    return {
        **known,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "MODELDECK_WORKSPACE": str(ready),
        "VERSION": "churn@1",
        "ENVIRONMENT": "production",
        "TIMEOUT": str(PATIENCE_S),
        "REASON": "https://ci.example.org/1",
        "CI_PIPELINE_URL": "https://ci.example.org/1",
        "KEY": key.read_text().strip(),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ENV": str(tmp_path / "github-env"),
    }


def run(script: str, environment: Mapping[str, str], *, folder: Path) -> subprocess.Popen[str]:
    """Run a script as both runners do: with bash, ended by the first error."""
    return subprocess.Popen(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str], code: int) -> str:
    """Wait for a script, check its exit code, and return what it printed."""
    out, _none = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, out
    return out


def asked(root: Path, process: subprocess.Popen[str]) -> str:
    """Wait until the job asked for a release, and return that."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with Workspace.open(root, is_read_only=True) as workspace:
            for one in workspace.releases.list():
                assert one["requested_by"] == "robot"
                return one["id"]
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"nothing was asked for: {process.communicate()[0]}")


def go_live(root: Path, release: str) -> None:
    """Approve a release, and report it ready as a server does."""
    for person in ("bob", "carol"):
        with Workspace.open(root, user=person) as workspace:
            workspace.releases.approve(release)
    with Workspace.open(root, user="server") as workspace:
        with workspace.deck.reading() as state:
            endpoint = state.endpoints["churn@production"]
            body: dict[str, Json] = {
                "generation": endpoint.generation,
                "manifest": endpoint.pointer.manifest,
                "outcome": "ready",
                "reason": "",
                "head": state.head,
            }
        workspace.deck.commit("deployment.report", "endpoint:churn@production", body=body)


def test_job_of_github_ends_well_when_the_release_is_live(
    ready: Path, runner: Mapping[str, str], tmp_path: Path
) -> None:
    """It signs with its key, waits, and keeps evidence that checks itself; the key goes."""
    _job, (write_key, ask, keep) = github()
    ended(run(write_key, runner, folder=tmp_path / "job"), 0)
    name, _sign, path = Path(runner["GITHUB_ENV"]).read_text().strip().partition("=")
    assert Path(path).stat().st_mode & 0o077 == 0
    environment = {**runner, name: path}
    process = run(ask, environment, folder=tmp_path / "job")
    release = asked(ready, process)
    (tmp_path / "again").mkdir()
    again = run(ask, {**environment, "TIMEOUT": "0.1"}, folder=tmp_path / "again")
    said = json.loads(ended(again, 12).splitlines()[-1])  # started again, it waits for the same
    assert said["error"]["release"] == release
    go_live(ready, release)
    assert json.loads(ended(process, 0).splitlines()[-1])["status"] == "live"
    assert ended(run(keep, environment, folder=tmp_path / "job"), 0).startswith("live\n")
    assert not Path(path).exists()
    check = subprocess.run(
        ["sh", "check.sh"], cwd=tmp_path / "job" / "evidence", capture_output=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_job_of_gitlab_ends_with_6_when_the_release_is_rejected(
    ready: Path, runner: Mapping[str, str], key: Path, tmp_path: Path
) -> None:
    """What it prints says by whom and why; the evidence is kept all the same."""
    job, (script, after) = gitlab()
    environment = {**runner, "MODELDECK_KEY": str(key)}
    process = run(script, environment, folder=tmp_path / "job")
    with Workspace.open(ready, user="carol") as carol:
        carol.releases.reject(asked(ready, process), "recall is low")
    assert "recall is low" in ended(process, 6)
    assert ended(run(after, environment, folder=tmp_path / "job"), 0).startswith("rejected\n")
    kept = {one.name for one in (tmp_path / "job").iterdir()}
    assert set(job["artifacts"]["paths"]) <= kept
    assert job["allow_failure"] == {"exit_codes": 12}


def variables(value: object) -> Iterator[str]:
    """Yield every text of a file."""
    if isinstance(value, dict):
        for one in value.values():
            yield from variables(one)
    elif isinstance(value, list):
        for one in value:
            yield from variables(one)
    else:
        yield str(value)


def test_scripts_hold_nothing_that_others_write() -> None:
    """What comes from outside reaches a script as a variable only, never as a part of it."""
    for _job, scripts in (github(), gitlab()):
        assert not any("${{" in one for one in scripts)
    used = [one for one in variables(github()[0]["env"]) if "${{" in one]
    assert "${{ inputs.version }}" in used
