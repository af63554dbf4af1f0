"""SSH public keys, read strictly: one line, a known type, the bytes of just that type.

Nothing else that an ``authorized_keys`` or ``allowed_signers`` line may hold is taken: no options,
no ``cert-authority``, no principals or lists of them, no certificates. Formats: RFC 4253 section
6.6, RFC 5656 section 3.1, RFC 8709 section 4 and PROTOCOL.u2f of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from modeldeck.errors import InvalidInputError

_PARTS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
"""The types that are taken, and how many fields follow the type in the key's bytes."""

_ED25519_BYTES = 32
_RSA_BITS = 2048
_LOOKS = "It looks like: ssh-ed25519 AAAAC3…; see ~/.ssh/*.pub."


def parse(text: str) -> str:
    """Return a public key as the ledger holds it, ``type base64`` without comment.

    Parameters
    ----------
    text : str
        One line as it stands in a ``.pub`` file.

    Raises
    ------
    InvalidInputError
        It is not exactly one public key of a type that is taken; the message says why.

    Examples
    --------
    >>> parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " ann@laptop")[:34]
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AA'
    """
    line = text.strip("\n")
    words = line.split()
    if not line.isprintable():
        raise _refusal(text, "it holds more than one line, or control characters")
    if len(words) < 2 or words[0] not in _PARTS:
        raise _refusal(text, _because(words))
    kind, body = words[:2]
    try:
        blob = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise _refusal(text, "what follows the type is not base64") from None
    if base64.b64encode(blob).decode() != body:
        raise _refusal(text, "its base64 is not in the one usual form")
    problem = _blob_problem(kind, blob)
    if problem:
        raise _refusal(text, problem)
    return f"{kind} {body}"


def fingerprint(key: str) -> str:
    """Return a key's fingerprint as ``ssh-keygen -l`` prints it; empty when it is no key.

    Examples
    --------
    >>> fingerprint("ssh-ed25519 AAAA")
    'SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw'
    """
    try:
        blob = base64.b64decode(key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        return ""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def is_hardware(key: str) -> bool:
    """Say whether a key lives in a hardware token, which wants to be touched."""
    return key.startswith("sk-")


def _refusal(text: str, because: str) -> InvalidInputError:
    return InvalidInputError(f"{text[:40]!r} is not an SSH public key: {because}.", _LOOKS)


def _because(words: list[str]) -> str:
    if "PRIVATE" in words:
        return "it is a private one, which stays with you"
    if any("-cert-v01@" in word for word in words[:2]):
        return "certificates are not taken, only plain keys"
    known = next((word for word in words[1:] if word in _PARTS), "")
    if known:
        return f"options or names before {known} are not taken"
    return f"its type is none of {', '.join(_PARTS)}"


def _blob_problem(kind: str, blob: bytes) -> str:
    fields = _fields(blob)
    if not fields or fields[0] != kind.encode() or len(fields) != 1 + _PARTS[kind]:
        return "its bytes are not those of its type"
    if kind.endswith("nistp256@openssh.com") or kind.startswith("ecdsa-"):
        is_sound = fields[1] == kind.removeprefix("sk-").split("@")[0][-8:].encode()
        return "" if is_sound else "its curve is another one than its type says"
    if "ed25519" in kind and len(fields[1]) != _ED25519_BYTES:
        return "its bytes are not those of its type"
    if kind == "ssh-rsa" and int.from_bytes(fields[2], "big").bit_length() < _RSA_BITS:
        return f"an RSA key needs at least {_RSA_BITS} bits"
    return ""


def _fields(blob: bytes) -> list[bytes]:
    """Return the length-prefixed fields of a key's bytes; none when they do not fit."""
    found, at = [], 0
    while at < len(blob):
        if at + 4 > len(blob):
            return []
        (size,) = struct.unpack_from(">I", blob, at)
        if at + 4 + size > len(blob):
            return []
        found.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return found
