"""Parts of jobs in forked processes: answers, errors, crashes, and patience that ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from modeldeck.errors import ConflictError, ModelDeckError, UnavailableError
from modeldeck.jobs.apart import ask_apart


def _crash() -> dict[str, object]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _refuse() -> dict[str, object]:
    msg = "It is there already."
    raise ConflictError(msg, "Take another name.")


def _hang() -> dict[str, object]:
    while True:
        time.sleep(1)


def test_answer_of_another_process_comes_back_whole() -> None:
    """What the function returns comes back, also when a pipe cannot hold it at once."""
    text = "x" * 300_000
    found = ask_apart(lambda: {"text": text, "pid": os.getpid()}, timeout_s=60)
    assert found["text"] == text
    assert found["pid"] != os.getpid()


def test_error_of_another_process_is_raised_here() -> None:
    """An error of ours keeps its kind, its message and its hint."""
    with pytest.raises(ConflictError, match=r"^It is there already\.") as caught:
        ask_apart(_refuse, timeout_s=60)
    assert caught.value.hint == "Take another name."


def test_crash_of_another_process_is_told() -> None:
    """A process that is killed is an error which names the signal."""
    with pytest.raises(ModelDeckError, match="signal 9"):
        ask_apart(_crash, timeout_s=60)


def test_process_that_hangs_is_killed_when_patience_ends() -> None:
    """A process that never answers is ended, and leaves no zombie."""
    with pytest.raises(UnavailableError, match="did not answer in time") as caught:
        ask_apart(_hang, timeout_s=0.2)
    pid = next(int(word) for word in caught.value.message.split() if word.isdigit())
    assert not Path(f"/proc/{pid}").exists()
