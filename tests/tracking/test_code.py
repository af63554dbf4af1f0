"""What a run keeps of its code, and of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import modeldeck
from modeldeck.services.founding import init
from modeldeck.tracking.around import code, samples
from modeldeck.tracking.around.code import DIFFS, difference
from modeldeck.tracking.pulse import PULSE
from modeldeck.workspace import Workspace


def git(tree: Path, *arguments: str) -> str:
    """Run git in a work tree."""
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=tree, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a work tree with a workspace in it, which is the working directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "tree"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("rate = 0.1\n")
    (folder / ".gitignore").write_text("*.log\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "ws").mkdir()
    init(folder / "ws", owner="ann")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "workspace")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(DIFFS, "_known", {})
    return folder


def start(tree: Path) -> modeldeck.Run:
    """Start a run and end it."""
    with modeldeck.start_run("a", workspace=tree / "ws", capture_output=False) as run:
        pass
    return run


def diff(run: modeldeck.Run) -> str:
    """Return a run's code.diff; empty without one."""
    path = run.folder / "code.diff"
    return path.read_text() if path.exists() else ""


def test_code_that_is_committed_needs_no_diff(tree: Path) -> None:
    """A clean tree leaves no file; the commit is in run.json."""
    run = start(tree)
    assert not (run.folder / "code.diff").exists()
    commit = json.loads((run.folder / "run.json").read_text())["code"]["commit"]
    assert commit == git(tree, "rev-parse", "HEAD")


def test_uncommitted_changes_can_be_applied_again(tree: Path) -> None:
    """Changed, staged, deleted and new files: commit and code.diff give the tree back."""
    (tree / "train.py").write_text("rate = 0.2\n")
    (tree / "new.py").write_text("x = 1\nno_newline = 2")
    (tree / "empty.py").write_text("")
    (tree / "staged.py").write_text("staged\n")
    git(tree, "add", "staged.py")
    (tree / "ignored.log").write_text("ignored")
    (tree / ".env").write_text("TOKEN=canary")
    (tree / "blob.bin").write_bytes(b"\0\1")
    run = start(tree)
    text = diff(run)
    assert "canary" not in text
    assert "ignored" not in text
    assert "runs/" not in text
    assert ".env (may be a secret)" in text
    assert "blob.bin (binary)" in text
    copy = tree.parent / "copy"
    git(tree, "clone", "-q", str(tree), str(copy))
    patch = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# "))
    (copy / "p.diff").write_text(patch)
    git(copy, "apply", "p.diff")
    for name in ("train.py", "new.py", "empty.py", "staged.py"):
        assert (copy / name).read_bytes() == (tree / name).read_bytes()
    with Workspace.open(tree / "ws", user="ann") as workspace:
        assert workspace.runs.code_diff(run.id) == text


def test_later_run_gets_the_code_that_it_started_with(tree: Path) -> None:
    """An edit after a run's start is not its code; one before is; a commit between counts."""
    (tree / "train.py").write_text("rate = 0.2\n")
    os.utime(tree / "train.py", (time.time() - 10, time.time() - 10))
    assert "+rate = 0.2" in diff(start(tree))
    before = start(tree)
    (tree / "train.py").write_text("rate = 0.3\n")
    os.utime(tree / "train.py", (time.time() + 10, time.time() + 10))
    DIFFS.settle()
    assert "+rate = 0.2" in diff(before)
    os.utime(tree / "train.py", (time.time() - 10, time.time() - 10))
    after = start(tree)
    DIFFS.settle()
    assert "+rate = 0.3" in diff(after)
    git(tree, "commit", "-q", "-a", "-m", "third")
    committed = start(tree)
    assert diff(committed) == ""
    commit = json.loads((committed.folder / "run.json").read_text())["code"]["commit"]
    assert commit == git(tree, "rev-parse", "HEAD")


def test_diff_is_bounded_and_says_what_is_missing(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large new files are named only; beyond the limit the rest is counted."""
    (tree / "large.txt").write_text("x" * (code.MAX_NEW_FILE + 1))
    for number in range(3):
        (tree / f"n{number}.py").write_text("y = 1\n" * 1000)
    text = difference(tree, git(tree, "rev-parse", "HEAD"), root=tree / "ws").text
    assert b"large.txt (no plain file of at most 256 KiB)" in text
    monkeypatch.setattr(code, "MAX_DIFF", 5000)
    monkeypatch.setattr(code, "MAX_NEW_FILES", 2)
    text = difference(tree, git(tree, "rev-parse", "HEAD"), root=tree / "ws").text
    assert len(text) < 5300
    assert b"1 more new files" in text or b"more new files" in text
    assert b"bytes beyond 5,000" in text


def test_folder_without_git_or_a_broken_one_breaks_nothing(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program, no tree, a damaged repository, or no wish for it: the run has no diff."""
    (tree / "train.py").write_text("rate = 0.2\n")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "/nonexistent")
        assert diff(start(tree)) == ""
    monkeypatch.setattr(DIFFS, "_known", {})
    with modeldeck.start_run(
        "a", workspace=tree / "ws", capture_output=False, capture_code=False
    ) as run:
        pass
    assert diff(run) == ""
    (tree / ".git" / "index").write_bytes(b"damaged")
    start(tree)
    monkeypatch.chdir(tree.parent)
    start(tree)


def test_repository_that_would_run_programs_runs_none(tree: Path) -> None:
    """Its settings for external diffs, monitors and text conversion are not followed."""
    mark = tree.parent / "ran"
    program = tree.parent / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    for key in ("diff.external", "core.fsmonitor", "diff.x.textconv", "diff.x.command"):
        git(tree, "config", key, str(program))
    mark.unlink(missing_ok=True)
    (tree / ".gitattributes").write_text("*.py diff=x\n")
    (tree / "train.py").write_text("rate = 0.2\n")
    assert "+rate = 0.2" in diff(start(tree))
    assert not mark.exists()


def test_machine_is_sampled_while_a_run_goes_on(root: Path) -> None:
    """Processor and memory of the process and its children, and of the host, are numbers."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with modeldeck.start_run("a", workspace=root, capture_output=False) as run:
            sampler = samples.Sampler(os.getpid())
            sum(n * n for n in range(300_000))
            PULSE._sampler = sampler
            PULSE._sample([run])
    finally:
        child.communicate(b"\n")
    with Workspace.open(root, user="ann") as workspace:
        (sample,) = [one for one in workspace.runs.system(run.id) if one["n_processes"] != 1][:1]
    assert sample["cpu_cores"] >= 0  # type: ignore[operator]
    assert sample["memory_bytes"] > 1 << 20  # type: ignore[operator]
    assert sample["host_memory_bytes"] > sample["memory_bytes"]  # type: ignore[operator]
    assert "gpus" not in sample or sample["gpus"]


def test_gpus_are_told_where_there_is_a_program_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines become numbers; a line of other words is left out; one that hangs ends."""
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "0, 35, 1024, 8192"\necho "1, [N/A], x, y"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sampler = samples.Sampler(os.getpid())
    assert sampler.sample()["gpus"] == [
        {
            "index": 0,
            "busy_share": 0.35,
            "memory_bytes": 1 << 30,
            "memory_total_bytes": 8 << 30,
        }
    ]
    program.write_text("#!/bin/sh\nsleep 60\n")
    monkeypatch.setattr(samples, "_PATIENCE_S", 0.1)
    assert "gpus" not in sampler.sample()
    assert "gpus" not in sampler.sample()


def test_difference_of_a_clean_tree_costs_one_question(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing changed since the commit, git is asked no more; changed names count."""
    asked: list[str] = []
    ask = code._git

    def counted(folder: Path, *arguments: str) -> bytes:
        asked.append(arguments[0])
        return ask(folder, *arguments)

    monkeypatch.setattr(code, "_git", counted)
    git(tree, "clean", "-fdxq")
    commit = git(tree, "rev-parse", "HEAD")
    assert difference(tree, commit, root=tree / "ws") == (b"", frozenset())
    assert asked == ["status"]
    assert difference(tree, git(tree, "rev-parse", "HEAD~1"), root=tree / "ws").text
    (tree / "a new one.py").write_text("x = 1\n")
    git(tree, "mv", "train.py", "the moved one.py")
    found = difference(tree, commit, root=tree / "ws")
    assert found.names == {"a new one.py", "train.py", "the moved one.py"}
    assert b"+++ b/the moved one.py" in found.text
    assert b"+x = 1" in found.text
