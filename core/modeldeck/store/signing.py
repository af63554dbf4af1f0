"""Signatures by SSH key: made and verified by ``ssh-keygen -Y`` in the namespace of approvals.

A signature is the armoured text that ``ssh-keygen -Y sign -n modeldeck-approval`` prints. It is
verified with ``ssh-keygen -Y verify`` against an allowed-signers line made for each check from the
key in the ledger, never from a file in the workspace. Format: PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.members import key_of
from modeldeck.errors import (
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.store import files

NAMESPACE = "modeldeck-approval"
_MAGIC = b"SSHSIG"
_TIMEOUT_S = 120
_MAX_KEY = 1 << 16


@dataclass(frozen=True, slots=True)
class Signer:
    """A key to sign with: the file that ``ssh-keygen`` is given, and its public key.

    ``path`` names a private key, or a public key whose private half an agent holds; it is empty
    for an agent's key without a file.
    """

    public: str
    path: str = ""

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as ``ssh-keygen -l`` prints it."""
        blob = base64.b64decode(self.public.split()[1])
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def sign(self, payload: bytes, *, may_ask: bool) -> str:
        """Sign bytes; return the armoured signature.

        Parameters
        ----------
        payload : bytes
            What is signed.
        may_ask : bool
            Whether ``ssh-keygen`` may ask for a passphrase at the terminal; without, an encrypted
            key has to be in an agent.

        Raises
        ------
        NotPermittedError, UnavailableError
            It could not be signed; nothing was written.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
                path = self.path
                if not path:
                    path = f"{folder}/key.pub"
                    Path(path).write_text(self.public + "\n", encoding="utf-8")
                command = ["-Y", "sign", "-q", "-f", path, "-n", NAMESPACE]
                done = _keygen(command, payload, may_ask=may_ask)
        except OSError as error:
            msg = f"Nothing could be signed: {error.strerror}."
            raise UnavailableError(msg, "Look at the folder for temporary files.") from error
        if done.returncode or b"BEGIN SSH SIGNATURE" not in done.stdout:
            problem = done.stderr.decode(errors="replace").strip().splitlines()
            msg = f"Signing with {self.path or self.fingerprint} failed: {(problem or ['?'])[-1]}"
            hint = "Nothing was written. Put the key into an agent (ssh-add), or name another one."
            raise NotPermittedError(msg, hint)
        return done.stdout.decode()


def signer_from_file(path: str) -> Signer:
    """Return the signer for a key file, private or public.

    Raises
    ------
    NotFoundError, InvalidInputError, NotPermittedError
        There is no such file, or no public key beside it that can be read.
    """
    expanded = Path(path).expanduser()
    public = expanded if expanded.suffix == ".pub" else expanded.with_name(f"{expanded.name}.pub")
    if not files.is_there(expanded):
        msg = f"There is no key file {path}."
        raise NotFoundError(msg, "Name your SSH key, such as ~/.ssh/id_ed25519.")
    if not files.is_there(public):
        msg = f"Beside {path} there is no {public.name}."
        raise InvalidInputError(msg, f"Make it: ssh-keygen -y -f {path} > {public}")
    try:
        with public.open("rb") as reader:  # people link their keys
            line = reader.read(_MAX_KEY).decode(errors="replace")
    except OSError as error:
        raise files.read_error(error, public) from error
    return Signer(public=key_of(line), path=str(expanded))


def agent_signers() -> list[Signer]:
    """Return the keys that an SSH agent offers; none without an agent."""
    if not os.environ.get("SSH_AUTH_SOCK") or shutil.which("ssh-add") is None:
        return []
    try:
        done = subprocess.run(
            ["ssh-add", "-L"],
            capture_output=True,
            timeout=10,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.decode(errors="replace").splitlines():
        with contextlib.suppress(InvalidInputError):
            found.append(Signer(public=key_of(line)))
    return found


def key_in(signature: str) -> str:
    """Return the public key inside an armoured signature, ``type base64``; empty when none is.

    Notes
    -----
    PROTOCOL.sshsig: magic "SSHSIG", a version, then the public key as a length-prefixed blob.
    """
    body = "".join(
        line for line in signature.strip().splitlines() if line and not line.startswith("-----")
    )
    try:
        blob = base64.b64decode(body, validate=True)
        if not blob.startswith(_MAGIC):
            return ""
        (size,) = struct.unpack_from(">I", blob, 10)
        key = blob[14 : 14 + size]
        (kind,) = struct.unpack_from(">I", key, 0)
        name = key[4 : 4 + kind].decode("ascii")
    except (binascii.Error, struct.error, UnicodeDecodeError, ValueError):
        return ""
    return f"{name} {base64.b64encode(key).decode()}"


class Verifier:
    """Verifies signatures, remembering in the user's cache what came out.

    A line of the cache is the digest of payload, signature and key; ``!`` before it says that the
    signature does not verify.
    """

    def __init__(self, cache: Path | None) -> None:
        self.cache = cache
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
        named = key_in(signature)
        if not named or named not in keys:
            return ""
        mark = hashlib.sha256(b"\0".join((payload, signature.encode(), named.encode())))
        digest = mark.hexdigest()
        if digest in self._known:
            return named
        if f"!{digest}" in self._known:
            return ""
        holds, is_certain = _verdict(payload, signature, key=named)
        if is_certain:
            self._remember(digest if holds else f"!{digest}")
        return named if holds else ""

    def _remember(self, line: str) -> None:
        self._known.add(line)
        if self.cache is None:
            return
        with contextlib.suppress(ModelDeckError, OSError):
            files.make_folder(self.cache.parent)
            with self.cache.open("a", encoding="ascii") as writer:
                writer.write(f"{line}\n")


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


def _verdict(payload: bytes, signature: str, *, key: str) -> tuple[bool, bool]:
    """Return whether a signature verifies, and whether it would be the same at any other time."""
    try:
        with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
            allowed, signed = Path(folder, "allowed"), Path(folder, "signature")
            allowed.write_text(f'member namespaces="{NAMESPACE}" {key}\n', encoding="utf-8")
            signed.write_text(signature, encoding="utf-8")
            command = ["-Y", "verify", "-f", str(allowed), "-I", "member", "-n", NAMESPACE]
            done = _keygen([*command, "-s", str(signed)], payload, may_ask=False)
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


def _keygen(
    arguments: list[str], payload: bytes, *, may_ask: bool
) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ)
    if not may_ask:
        environment["SSH_ASKPASS_REQUIRE"] = "never"
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=payload,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=environment,
            start_new_session=not may_ask,
        )
    except FileNotFoundError:
        msg = "There is no ssh-keygen here, which makes and checks signatures."
        raise UnavailableError(msg, "Install OpenSSH's client (Debian: openssh-client).") from None
    except OSError as error:
        msg = f"ssh-keygen could not be started: {error.strerror}."
        raise UnavailableError(msg, "Try again when the machine is less busy.") from error
    except subprocess.TimeoutExpired:
        msg = "ssh-keygen did not answer within two minutes."
        raise UnavailableError(msg, "Is a hardware key waiting to be touched? Try again.") from None
