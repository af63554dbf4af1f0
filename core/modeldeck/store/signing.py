"""Signatures by SSH key: made by ``ssh-keygen -Y sign`` in the namespace of approvals.

A signature is the armoured text that ``ssh-keygen -Y sign -n modeldeck-approval`` prints;
:mod:`modeldeck.store.verifying` verifies it. Format: PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.membership import keys
from modeldeck.domain.membership.questions import Asker
from modeldeck.errors import (
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from modeldeck.store import files

NAMESPACE = "modeldeck-approval"
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
        return keys.fingerprint(self.public)

    def sign(self, payload: bytes, *, may_ask: bool, asker: Asker | None = None) -> str:
        """Sign bytes; return the armoured signature.

        Parameters
        ----------
        payload : bytes
            What is signed.
        may_ask : bool
            Whether ``ssh-keygen`` may ask for a passphrase at the terminal. Without that, and
            without ``asker``, an encrypted key has to be in an agent.
        asker : Asker or None
            Asks the person at a screen; then ``ssh-keygen`` needs no terminal.

        Raises
        ------
        NotPermittedError, UnavailableError
            It could not be signed, or the person cancelled; nothing was written.
        """
        from modeldeck.store.keys import unlocking

        try:
            with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
                path = self.path
                if not path:
                    path = f"{folder}/key.pub"
                    Path(path).write_text(self.public + "\n", encoding="utf-8")
                return unlocking.sign(
                    ["-Y", "sign", "-q", "-f", path, "-n", NAMESPACE],
                    payload,
                    public=self.public,
                    path=self.path,
                    may_ask=may_ask,
                    asker=asker,
                )
        except OSError as error:
            msg = f"Nothing could be signed: {error.strerror}."
            raise UnavailableError(msg, "Look at the folder for temporary files.") from error


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
    return Signer(public=keys.parse(line), path=str(expanded))


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
            found.append(Signer(public=keys.parse(line)))
    return found
