"""Signatures by SSH key: made by ``ssh-keygen -Y sign`` in the namespace of approvals.

A signature is the armoured text that ``ssh-keygen -Y sign -n modeldeck-approval`` prints;
:mod:`modeldeck.store.verifying` verifies it. Format: PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.members import key_of
from modeldeck.errors import (
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.store import files

NAMESPACE = "modeldeck-approval"
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
                done = keygen(command, payload, may_ask=may_ask)
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


def keygen(
    arguments: list[str], payload: bytes, *, may_ask: bool
) -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen`` with bytes on its standard input, and wait for it.

    Raises
    ------
    UnavailableError
        There is none here, it cannot be started just now, or it does not answer.
    """
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
