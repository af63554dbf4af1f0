"""A hardware key in software: it signs as PROTOCOL.u2f of OpenSSH says, touched.

A signature covers the digest of the application, flags, a counter, and the digest of what is
signed.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable

import pytest

from modeldeck.store.signing import NAMESPACE

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

PRESENT = 0x01


def text(value: bytes) -> bytes:
    """Return bytes with their length before them."""
    return struct.pack(">I", len(value)) + value


def number(value: int) -> bytes:
    """Return a positive number as SSH writes it."""
    return text(value.to_bytes(value.bit_length() // 8 + 1, "big"))


class Token:
    """A hardware key in software."""

    def __init__(self, kind: str) -> None:
        self.kind = kind.encode()
        if "ed25519" in kind:
            private = ed25519.Ed25519PrivateKey.generate()
            raw = private.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw
            )
            self.blob = text(self.kind) + text(raw) + text(b"ssh:")
            self._sign: Callable[[bytes], bytes] = private.sign
        else:
            curve = ec.generate_private_key(ec.SECP256R1())
            point = curve.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            self.blob = text(self.kind) + text(b"nistp256") + text(point) + text(b"ssh:")

            def sign(data: bytes) -> bytes:
                pair = utils.decode_dss_signature(curve.sign(data, ec.ECDSA(hashes.SHA256())))
                return b"".join(map(number, pair))

            self._sign = sign

    @property
    def public(self) -> str:
        """The public key as the ledger holds it."""
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()}"

    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str:
        """Return an armoured signature, touched."""
        name = text(namespace.encode())
        what = name + text(b"") + text(b"sha512") + text(hashlib.sha512(payload).digest())
        proof = bytes([PRESENT]) + struct.pack(">I", 7)
        message = hashlib.sha256(b"SSHSIG" + what).digest()
        signed = self._sign(hashlib.sha256(b"ssh:").digest() + proof + message)
        signature = text(self.kind) + text(signed) + proof
        whole = b"SSHSIG" + struct.pack(">I", 1) + text(self.blob)
        whole += name + text(b"") + text(b"sha512") + text(signature)
        body = base64.b64encode(whole).decode()
        lines = [body[at : at + 70] for at in range(0, len(body), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----\n"])
