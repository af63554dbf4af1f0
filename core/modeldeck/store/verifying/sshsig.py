"""Reading the armoured signatures that ``ssh-keygen -Y sign`` prints.

Format (PROTOCOL.sshsig of OpenSSH), in base64 between two lines that begin with dashes::

    "SSHSIG"  uint32 version = 1  string public key  string namespace  string reserved
              string hash algorithm  string signature (string algorithm, string value)

    signed:  "SSHSIG"  string namespace  string reserved  string hash algorithm  string H(message)

A *string* is a uint32 length, big-endian, and as many bytes; an *mpint* is a string that holds a
whole number in two's complement, as short as it can be (RFC 4251, section 5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
_WIDTH = 70
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}


class FormatError(ValueError):
    """Bytes do not hold what they should."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature's parts.

    Attributes
    ----------
    key : bytes
        The public key's blob.
    namespace, reserved, hash_name : bytes
        What the signature covers beside the message's digest.
    algorithm, value : bytes
        How it was signed, and the signature proper.
    """

    key: bytes
    namespace: bytes
    reserved: bytes
    hash_name: bytes
    algorithm: bytes
    value: bytes

    def covered(self, message: bytes) -> bytes:
        """Return the bytes that the key signed, for a message.

        Raises
        ------
        FormatError
            The message is hashed in a way that nobody should use.
        """
        if self.hash_name not in _HASHES:
            msg = "unknown hash"
            raise FormatError(msg)
        digest = _HASHES[self.hash_name](message).digest()
        parts = (self.namespace, self.reserved, self.hash_name, digest)
        return _MAGIC + b"".join(struct.pack(">I", len(one)) + one for one in parts)


class Reader:
    """Takes strings and numbers from bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """Take so many bytes."""
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            msg = "it ends too early"
            raise FormatError(msg)
        self._at += size
        return part

    def number(self) -> int:
        """Take a uint32."""
        return int.from_bytes(self.take(4))

    def string(self) -> bytes:
        """Take a string."""
        return self.take(self.number())

    def mpint(self) -> int:
        """Take a number that is not negative, in its shortest form."""
        part = self.string()
        value = int.from_bytes(part)
        if len(part) != value.bit_length() // 8 + 1 if value else part:
            msg = "a number is not in its one form"
            raise FormatError(msg)
        return value

    def end(self) -> None:
        """Refuse anything that is left."""
        if self._at != len(self._data):
            msg = "it goes on after its end"
            raise FormatError(msg)


def read(armoured: str) -> Signature:
    """Read a signature in just the form that ``ssh-keygen`` prints.

    Raises
    ------
    FormatError
        It is in no form, or in another one, which ``ssh-keygen`` may accept all the same.
    """
    blob = _blob(armoured)
    if _armour(blob) != armoured:
        msg = "it is not in its one form"
        raise FormatError(msg)
    key, namespace, reserved, hash_name, inner = _outer(blob)
    reader = Reader(inner)
    algorithm, value = reader.string(), reader.string()
    reader.end()
    return Signature(key, namespace, reserved, hash_name, algorithm, value)


def _outer(blob: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    reader = Reader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != 1:
        msg = "it is of another kind or version"
        raise FormatError(msg)
    strings = (reader.string(), reader.string(), reader.string(), reader.string(), reader.string())
    reader.end()
    return strings


def _armour(blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    lines = (text[at : at + _WIDTH] + "\n" for at in range(0, len(text), _WIDTH))
    return _BEGIN + "".join(lines) + _END


def _blob(armoured: str) -> bytes:
    body = "".join(
        line for line in armoured.strip().splitlines() if line and not line.startswith("-----")
    )
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(str(error)) from error


def key_in(signature: str) -> str:
    """Return the public key inside an armoured signature, ``type base64``; empty when none is.

    A signature in another form than ``ssh-keygen`` prints is none, also where it accepts that: with
    a version below its own, or something where nothing should be. Else whoever adds a space or
    changes such a bit would make another entry of the same signature.
    """
    try:
        blob = _blob(signature)
        if _armour(blob) != signature:
            return ""
        key, _namespace, reserved, *_rest = _outer(blob)
        name = Reader(key).string().decode("ascii")
    except ValueError:
        return ""
    return "" if reserved else f"{name} {base64.b64encode(key).decode()}"
