"""Verdicts on signatures: in this process or by ``ssh-keygen``, and remembered.

``ssh-keygen -Y verify`` decides, against an allowed-signers line made for each check from the key
in the ledger, never from a file in the workspace: its principal is a word of ours, so that no
member's name is ever read as a pattern. Starting it takes some milliseconds; from the
:data:`FEW`-th signature on :mod:`modeldeck.store.verifying.quick` is asked first, which only
vouches for what ``ssh-keygen`` accepts too.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modeldeck.errors import ModelDeckError, UnavailableError
from modeldeck.store import files
from modeldeck.store.signing import NAMESPACE
from modeldeck.store.verifying import quick, sshsig

FEW = 8
"""So many signatures are checked by ``ssh-keygen`` before a faster way is worth loading."""


class Verifier:
    """Verifies signatures, remembering in the user's cache what came out.

    A line of the cache is the digest of payload, signature and key; ``!`` before it says that the
    signature does not verify. Every line is written with a newline before it too, so that one that
    was torn spoils no other.
    """

    def __init__(self, cache: Path | None) -> None:
        self.cache = cache
        self._n_checked = 0
        self._known: set[str] = set()
        if cache is not None:
            with contextlib.suppress(ModelDeckError, ValueError):
                self._known = set(files.read_bytes(cache, 64 << 20).decode().split())

    def key(self, payload: bytes, signature: str, *, keys: Sequence[str]) -> str:
        """Return which of a member's keys a signature verifies under; empty when none.

        Raises
        ------
        UnavailableError
            It cannot be checked just now.
        """
        named = sshsig.key_in(signature)
        if not named or named not in keys:
            return ""
        mark = hashlib.sha256(b"\0".join((payload, signature.encode(), named.encode())))
        digest = mark.hexdigest()
        if digest in self._known:
            return named
        if f"!{digest}" in self._known:
            return ""
        holds, is_certain = self._verdict(payload, signature, key=named)
        if is_certain:
            self._remember(digest if holds else f"!{digest}")
        return named if holds else ""

    def _verdict(self, payload: bytes, signature: str, *, key: str) -> tuple[bool, bool]:
        self._n_checked += 1
        if self._n_checked > FEW and vouches(payload, signature):
            return True, True
        return _verdict(payload, signature, key=key)

    def _remember(self, line: str) -> None:
        self._known.add(line)
        if self.cache is None:
            return
        with contextlib.suppress(ModelDeckError, OSError):
            try:
                self._append(self.cache, line)
            except FileNotFoundError:
                files.make_folder(self.cache.parent)
                self._append(self.cache, line)

    @staticmethod
    def _append(cache: Path, line: str) -> None:
        with cache.open("a", encoding="ascii") as writer:
            writer.write(f"\n{line}\n")


def vouches(payload: bytes, signature: str) -> bool:
    """Say whether this process is sure that a signature verifies under the key that it names.

    False says nothing: ``ssh-keygen`` decides then.
    """
    try:
        parts = sshsig.read(signature)
    except sshsig.FormatError:
        return False
    if parts.namespace != NAMESPACE.encode() or parts.reserved:
        return False
    return quick.holds(payload, parts)


def verify(payload: bytes, signature: str, *, key: str) -> bool:
    """Say whether ``ssh-keygen -Y verify`` accepts a signature under just this key.

    Raises
    ------
    UnavailableError
        There is no ``ssh-keygen`` here, or it cannot run just now.
    """
    return _verdict(payload, signature, key=key)[0]


_REFUSALS = (
    b"incorrect signature",
    b"invalid format",
    b"incomplete message",
    b"missing header",
    b"namespace does not match",
)
"""How ``ssh-keygen`` ends what it says about a signature that is wrong for good."""


def keygen(
    arguments: list[str], payload: bytes, *, may_ask: bool
) -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen``; what that needs is loaded where there are signatures."""
    from modeldeck.store.keys import running

    return running.keygen(arguments, payload, may_ask=may_ask)


def _verdict(payload: bytes, signature: str, *, key: str) -> tuple[bool, bool]:
    """Return whether a signature verifies, and whether it would be the same at any other time."""
    try:
        with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
            allowed, signed = Path(folder, "allowed"), Path(folder, "signature")
            allowed.write_text(f'member namespaces="{NAMESPACE}" {key}\n', encoding="utf-8")
            signed.write_text(signature, encoding="utf-8")
            command = ["-Y", "verify", "-f", str(allowed), "-I", "member", "-n", NAMESPACE]
            done = keygen([*command, "-s", str(signed)], payload, may_ask=False)
    except OSError as error:
        raise _no_check(error.strerror or str(error)) from error
    if done.returncode < 0:
        because = f"ssh-keygen was ended by signal {-done.returncode}"
        raise _no_check(because)
    holds = done.returncode == 0
    return holds, holds or done.stderr.strip().endswith(_REFUSALS)


def _no_check(because: str) -> UnavailableError:
    msg = f"A signature cannot be checked just now: {because}."
    return UnavailableError(msg, "Try again when the machine is less busy.")
