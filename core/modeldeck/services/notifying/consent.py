"""What a person lets be contacted in their name, and the secrets of their own that it uses.

``modeldeck.toml`` lies in a shared folder. A command in it runs, and an address in it is contacted,
only for people who agreed to exactly that: ``~/.local/state/modeldeck/trusted/<workspace>.json``
holds ``{"receivers": {"<digest>": "<when>"}}``. An address that the person's own environment or
secret file gives needs no more than that.

A secret is the value of a variable, or ``~/.config/modeldeck/secrets/NAME``: a plain file of the
person's own which nobody else may read.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from modeldeck.domain.notifying.settings import Receiver, address_problem, is_elsewhere
from modeldeck.errors import ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.store import files, places

_MOST_BYTES = 1 << 16


def is_agreed(workspace: str, receiver: Receiver) -> bool:
    """Say whether this user lets a receiver be contacted in their name."""
    return receiver.is_own or receiver.digest in _agreed(workspace)


def agree(workspace: str, receiver: Receiver, *, at: str) -> None:
    """Let a receiver be contacted in this user's name, as it is written now.

    Raises
    ------
    NotPermittedError, UnavailableError
        That cannot be written down.
    """
    path = _path(workspace)
    files.make_folder(path.parent)
    known = {**_agreed(workspace), receiver.digest: at}
    files.replace(path, files.dumps({"receivers": known}), mode=0o600)


def _path(workspace: str) -> Path:
    return places.user_state() / "trusted" / f"{workspace}.json"


def _agreed(workspace: str) -> dict[str, str]:
    try:
        known = json.loads(files.read_bytes(_path(workspace), _MOST_BYTES))
    except (ModelDeckError, ValueError, RecursionError):
        return {}
    found = known.get("receivers") if isinstance(known, dict) else None
    return found if isinstance(found, dict) else {}


def secret_folder() -> Path:
    """Return the folder of this user's secrets."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".config"
    return base / "modeldeck" / "secrets"


def resolve(text: str) -> str:
    """Return what a setting says, or the variable or file that it names.

    Raises
    ------
    NotFoundError
        The variable is not set, or the file not there.
    NotPermittedError
        Others may read the file, or it is somebody else's.
    DamageError
        It is no plain file, or too large.
    """
    if not is_elsewhere(text):
        return text
    where, _colon, name = text.partition(":")
    if where == "env":
        value = os.environ.get(name, "").strip()
        if not value:
            msg = f"{name} is not set in this environment."
            raise NotFoundError(msg, "Set it where the sending account runs ModelDeck.")
        return value
    return _from_file(secret_folder() / name)


def _from_file(path: Path) -> str:
    descriptor = files.open_regular(path)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            msg = f"{path} can be read by others."
            raise NotPermittedError(msg, f"As its owner: chmod 600 {path}")
        data = files.read_descriptor(descriptor, _MOST_BYTES, name=str(path))
    finally:
        files.close(descriptor)
    value = data.decode("utf-8", "replace").strip()
    if not value:
        msg = f"{path} is empty."
        raise NotFoundError(msg, "Write the secret into it.")
    return value


def address(receiver: Receiver) -> str:
    """Return the address of a receiver.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError
        As :func:`resolve`; or what is named holds no address.
    """
    url = resolve(receiver.url)
    problem = address_problem(url)
    if problem:
        msg = f"{receiver.url} holds no address: {problem}."
        raise NotFoundError(msg, "Write the whole address there, beginning with https://.")
    return url


def problem_of(workspace: str, receiver: Receiver) -> str:
    """Return why a receiver cannot be contacted in this user's name; empty when it can."""
    if not is_agreed(workspace, receiver):
        return f"you did not agree to it: modeldeck notify trust {receiver.name}"
    try:
        if receiver.kind != "command":
            address(receiver)
        if receiver.secret:
            resolve(receiver.secret)
    except ModelDeckError as error:
        return error.message.rstrip(".")
    return ""
