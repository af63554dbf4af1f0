"""Signatures: what is remembered about them, and what is not."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modeldeck.errors import DamageError, InvalidInputError, UnavailableError
from modeldeck.store.signing import Signer, signer_from_file
from modeldeck.store.verifying import Verifier, verifier

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """Return a fresh key without a passphrase."""
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), "-C", "ann"]
    subprocess.run(command, check=True)
    return signer_from_file(str(path))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the processes that are started."""
    calls = [0]
    real = subprocess.run

    def run(*args: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401 -- as the original
        calls[0] += 1
        return real(*args, **options)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_verdicts_good_and_bad_are_checked_once(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever borrows a signature makes each user pay for it once, not at each start."""
    signature = signer.sign(b"x", may_ask=False)
    cache = tmp_path / "cache" / "signatures"
    calls = counted(monkeypatch)
    for _ in range(3):
        verifier = Verifier(cache)
        for _ in range(2):
            assert verifier.key(b"x", signature, keys=(signer.public,)) == signer.public
            assert verifier.key(b"y", signature, keys=(signer.public,)) == ""
    assert calls == [2]


def test_verdict_that_another_moment_may_change_is_not_kept(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ssh-keygen could not do for any other reason is asked again."""
    signature = signer.sign(b"x", may_ask=False)
    cache = tmp_path / "signatures"

    def failing(*args: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401 -- as the original
        return subprocess.CompletedProcess([], 255, b"", b"fatal: out of memory\n")

    with monkeypatch.context() as patch:
        patch.setattr(verifier, "keygen", failing)
        assert Verifier(cache).key(b"x", signature, keys=(signer.public,)) == ""
    assert Verifier(cache).key(b"x", signature, keys=(signer.public,)) == signer.public


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EAGAIN, errno.ENOMEM])
def test_check_that_cannot_run_is_no_verdict(
    signer: Signer, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without descriptors or memory nothing is called forged."""
    signature = signer.sign(b"x", may_ask=False)

    def run(*args: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UnavailableError):
        Verifier(None).key(b"x", signature, keys=(signer.public,))
    with pytest.raises(UnavailableError):
        signer.sign(b"x", may_ask=False)


def test_check_that_is_killed_is_no_verdict(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that the system ended says nothing about the signature."""
    signature = signer.sign(b"x", may_ask=False)
    killed = subprocess.CompletedProcess[bytes]([], -9, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: killed)
    with pytest.raises(UnavailableError, match="signal 9"):
        Verifier(None).key(b"x", signature, keys=(signer.public,))


def test_key_file_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    """A folder, a text or nothing beside the key: said, not a bug."""
    (tmp_path / "a").write_text("private")
    with pytest.raises(InvalidInputError, match=r"a\.pub"):
        signer_from_file(str(tmp_path / "a"))
    (tmp_path / "a.pub").write_text("not a key")
    with pytest.raises(InvalidInputError, match="not an SSH public key"):
        signer_from_file(str(tmp_path / "a"))
    (tmp_path / "a.pub").unlink()
    (tmp_path / "a.pub").mkdir()
    with pytest.raises(DamageError, match="not a plain file"):
        signer_from_file(str(tmp_path / "a"))
