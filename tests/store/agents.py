"""Keys, and a real SSH agent that a test starts and ends by its process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def make_key(folder: Path, name: str, passphrase: str = "", kind: str = "ed25519") -> str:
    """Make a key pair; return the private key's path."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(path)]
    subprocess.run([*command, "-a", "1"], check=True, timeout=30, stdin=subprocess.DEVNULL)
    return str(path)


@contextlib.contextmanager
def running_agent() -> Iterator[str]:
    """Run an SSH agent that holds no key; give its socket."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent (openssh-client) is not installed")
    address = tempfile.mkdtemp(prefix="agent-") + "/s"  # a socket's path may not be long
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(Path(address).parent, ignore_errors=True)


def _wait_for(address: str) -> None:
    """Wait until an agent takes connections: it has a socket a moment before."""
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.connect(address)
            return
        assert time.monotonic() < deadline
        os.sched_yield()


def hold(path: str, passphrase: str = "") -> None:
    """Add a key to the agent."""
    with tempfile.TemporaryDirectory(prefix="askpass-") as folder:
        program = Path(folder, "askpass")
        program.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
        program.chmod(0o700)
        known = {**os.environ, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(
            ["ssh-add", "-q", path], check=True, timeout=30, env=known, stdin=subprocess.DEVNULL
        )
