"""SSH keys and signatures made in this process: thousands in a second, good and bad in any way."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

NAMESPACE = b"modeldeck-approval"
KINDS = ("ed25519", "ecdsa", "sk")
"""Of each kind of key a usual one: on a disk or in an agent twice, and in hardware."""

_APPLICATION = b"ssh:"


def string(data: bytes) -> bytes:
    """Return bytes as SSH writes them, after their length."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """Return a number as SSH writes it."""
    return string(value.to_bytes(value.bit_length() // 8 + 1) if value else b"")


def armoured(blob: bytes) -> str:
    """Return a signature as ``ssh-keygen`` prints it."""
    text = base64.b64encode(blob).decode()
    lines = "".join(text[at : at + 70] + "\n" for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n"


@dataclass(frozen=True)
class Key:
    """A key: its public blob, and what makes the inner signature over bytes."""

    blob: bytes
    inner: Callable[[bytes], bytes]
    private: bytes = b""

    @property
    def public(self) -> str:
        """The public key as the ledger holds it."""
        kind = self.blob[4 : 4 + int.from_bytes(self.blob[:4])].decode()
        return f"{kind} {base64.b64encode(self.blob).decode()}"

    def sign(self, payload: bytes, namespace: bytes = NAMESPACE, hash_name: str = "sha512") -> str:
        """Sign bytes; return the armoured signature."""
        digest = hashlib.new(hash_name, payload).digest()
        about = string(namespace) + string(b"") + string(hash_name.encode())
        inner = self.inner(b"SSHSIG" + about + string(digest))
        head = b"SSHSIG" + struct.pack(">I", 1) + string(self.blob)
        return armoured(head + about + string(inner))


def _private(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


def _raw(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _ed25519() -> Key:
    key = ed25519.Ed25519PrivateKey.generate()
    kind = string(b"ssh-ed25519")
    return Key(kind + string(_raw(key)), lambda data: kind + string(key.sign(data)), _private(key))


_CURVES = {
    256: (ec.SECP256R1(), hashes.SHA256()),
    384: (ec.SECP384R1(), hashes.SHA384()),
    521: (ec.SECP521R1(), hashes.SHA512()),
}


def _ecdsa(bits: int) -> Key:
    curve, digest = _CURVES[bits]
    key = ec.generate_private_key(curve)
    name = f"nistp{bits}".encode()
    kind = string(b"ecdsa-sha2-" + name)
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )

    def inner(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        return kind + string(mpint(r) + mpint(s))

    return Key(kind + string(name) + string(point), inner, _private(key))


def _rsa(bits: int = 2048, algorithm: str = "rsa-sha2-512") -> Key:
    key = rsa.generate_private_key(65537, bits)
    numbers = key.public_key().public_numbers()
    digest = hashes.SHA512() if algorithm.endswith("512") else hashes.SHA256()

    def inner(data: bytes) -> bytes:
        return string(algorithm.encode()) + string(key.sign(data, padding.PKCS1v15(), digest))

    return Key(string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n), inner)


def _sk() -> Key:
    """Return a hardware key without the hardware (PROTOCOL.u2f of OpenSSH)."""
    key = ed25519.Ed25519PrivateKey.generate()
    kind = string(b"sk-ssh-ed25519@openssh.com")
    blob = kind + string(_raw(key)) + string(_APPLICATION)

    def inner(data: bytes) -> bytes:
        touched = b"\x01" + struct.pack(">I", 7)
        covered = hashlib.sha256(_APPLICATION).digest() + touched + hashlib.sha256(data).digest()
        return kind + string(key.sign(covered)) + touched

    return Key(blob, inner)


_MAKERS: dict[str, Callable[[], Key]] = {
    "ed25519": _ed25519,
    "ecdsa": lambda: _ecdsa(256),
    "ecdsa384": lambda: _ecdsa(384),
    "ecdsa521": lambda: _ecdsa(521),
    "rsa": _rsa,
    "rsa256": lambda: _rsa(algorithm="rsa-sha2-256"),
    "rsa1024": lambda: _rsa(1024),
    "sk": _sk,
}
EVERY = tuple(_MAKERS)


def make(kind: str) -> Key:
    """Return a fresh key."""
    return _MAKERS[kind]()
